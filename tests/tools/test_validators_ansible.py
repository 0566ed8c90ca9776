"""Ansible: keywords, modules and their arguments, expressions, handlers and the files that are named."""

from collections.abc import Callable, Mapping

import pytest

Judge = Callable[[Mapping[str, str], str], list[str]]

GOOD = """\
- name: Web servers
  hosts: web
  become: true
  vars:
    port: 8080
  tasks:
    - name: Install nginx
      ansible.builtin.apt:
        name: nginx
        state: present
        update_cache: true
      notify: Restart nginx
    - name: Write the configuration
      template: src=site.j2 dest="/etc/nginx/conf.d/{{ item }}.conf" mode=0644
      loop: [a, b]
      when: ansible_facts['os_family'] == "Debian" and port is defined
    - name: Together
      block:
        - community.general.ufw:
            rule: allow
            port: "{{ port }}"
        - shell: echo "{{ port }}" > /tmp/port
          args:
            creates: /tmp/port
      rescue:
        - debug: {msg: "no firewall"}
    - import_tasks: more.yml
    - set_fact: {anything: 1}
  handlers:
    - name: Restart nginx
      service: {name: nginx, state: restarted}
"""
MORE = '- name: Look\n  command: "true"\n  changed_when: false\n- user: {name: web}\n'
FILES = {"site.yml": GOOD, "more.yml": MORE}

FAULTS = [
    ("  tasks:", "  tsks:", "a play has no key 'tsks'; 'tasks' was meant?"),
    ("  hosts: web\n", "", "the play names no hosts"),
    ("ansible.builtin.apt:", "ansible.builtin.atp:", "there is no module 'ansible.builtin.atp'; 'apt' was meant?"),
    ("      template: src", "      tempalte: src", "there is no module 'tempalte'; 'template' was meant?"),
    ("        state: present", "        state: instaled", "ansible.builtin.apt: state is one of"),
    ("        update_cache: true", "        update_cach: true", "no argument 'update_cach'; 'update_cache' was meant?"),
    ("src=site.j2", "scr=site.j2", "template has no argument 'scr'"),
    ("      when: ansible", "      whne: ansible", "a task has no key 'whne' beside the module template; 'when' was meant?"),
    ("port is defined", "port is", "when: "),
    ("{{ item }}.conf", "{{ item }.conf", "template: "),
    ("notify: Restart nginx", "notify: Restart ngnix", "the play has no handler 'Restart ngnix'; 'Restart nginx' was meant?"),
    ("import_tasks: more.yml", "import_tasks: moer.yml", "there is no file moer.yml"),
    ("      rescue:", "      rescu:", "a block has no key 'rescu'; 'rescue' was meant?"),
    ("        - debug: {msg", "        - name: {msg", "the task names no module"),
    ("service: {name: nginx, state", "service: {state", "service lacks name"),
]  # fmt: skip
"""What to replace in the good playbook, by what, and what is said of it."""


def test_a_good_playbook_stays_silent(judge: Judge) -> None:
    assert judge(FILES, "ansible") == []


@pytest.mark.parametrize(("old", "new", "message"), FAULTS)
def test_each_fault_is_told(judge: Judge, old: str, new: str, message: str) -> None:
    assert old in GOOD
    found = judge({**FILES, "site.yml": GOOD.replace(old, new, 1)}, "ansible")
    assert [each for each in found if message in each] != [], found


def test_a_task_file_of_a_role_is_read_and_its_own_modules_count(judge: Judge) -> None:
    tasks = "- name: Ours\n  shop_module: {a: 1}\n- name: Copied\n  cpoy: {src: a, dest: b}\n"
    files = {"roles/shop/tasks/main.yml": tasks, "roles/shop/library/shop_module.py": "# a module\n"}
    found = judge(files, "ansible")
    assert found == ["roles/shop/tasks/main.yml:4: there is no module 'cpoy'; 'copy' was meant?"]


def test_a_handler_that_a_role_may_have_is_not_missed(judge: Judge) -> None:
    text = GOOD.replace("  tasks:", "  roles: [nginx]\n  tasks:").replace("notify: Restart nginx", "notify: Reload")
    assert judge({**FILES, "site.yml": text}, "ansible") == []


def test_a_misspelt_role_is_told(judge: Judge) -> None:
    files = {"site.yml": "- hosts: all\n  roles:\n    - ngnix\n", "roles/nginx/tasks/main.yml": MORE}
    assert judge(files, "ansible") == ["site.yml:3: there is no role 'ngnix'; 'nginx' was meant?"]


def test_a_syntax_error_beside_expressions_is_an_error_and_no_template(judge: Judge) -> None:
    text = GOOD.replace("      when: ansible", "     when: ansible")
    assert [each.split(": ", 1)[0] for each in judge({**FILES, "site.yml": text}, "yamllint")] == ["site.yml:16"]
