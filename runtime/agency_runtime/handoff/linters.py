"""Programs that look at what is written and run nothing of it, and those that search it for what is dangerous."""

LINTERS = (
    r"hadolint|dockerfilelint|zizmor|actionlint|yamllint|ansible-lint|shellcheck|ruff|mypy|pyright|flake8|pylint|black|isort"
    r"|kubeconform|kubeval|kubernetes-validate|kube-?linter|kube-?score|kubesec|polaris|pluto|conftest|tflint|tfsec|terrascan|promtool|amtool"
    r"|check-jsonschema|ajv|eslint|prettier|markdownlint\S*|cfn-lint|spectral|vacuum|golangci-lint|gofmt|rubocop|stylelint"
    r"|editorconfig-checker|codespell|shfmt|taplo"
)
SCANNERS = r"gitleaks|trufflehog|detect-secrets\S*|ggshield|secretlint|talisman|semgrep|bandit|checkov|kics|trivy|grype|pre-commit"
