"""`python -m agency_tools.image`: install the validators on this machine."""

from agency_tools.image.local import install_local

if __name__ == "__main__":
    install_local()
