"""Names that stand for secrets: never packed, and told; and names that only look alike."""

import pytest

from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.bundle import files

SECRET = {
    "environment file": """
        .env .env.production prod.env .envs/.production/.django .envs/.production/.postgres .ENV
        .envs/.local/x .env/production deploy/.envs/a .env.bak .env.production.old
        .env-production .env_prod .dev.vars .envrc.private
    """,
    "private key": """
        server.pem server.pem.bak id_rsa id_rsa.bak id_rsa.old tls.key.old tls.key.1 tls.key~
        ID_RSA.BAK private.gpg private-key.asc secring.gpg jwt.secret wallet.dat a/b/id_ed25519.orig
    """,
    "cloud credentials": """
        kubeconfig kubeconfig.yaml prod.kubeconfig prod-kubeconfig.yml .kube/config rclone.conf
        gcp-key.json shop-firebase-adminsdk-x1y2.json application_default_credentials.json
        credentials credentials.csv admin_accessKeys.csv rootkey.csv service-account.json.bak
    """,
    "login of a tool": """
        .dockerconfigjson .docker-config.json .dockercfg pip.conf pip.ini .condarc auth.toml
        auth.json token.json .curlrc .terraformrc credentials.tfrc.json cookies.txt .mylogin.cnf
        .netrc.bak .pgpass.old .pdm.toml
    """,
    "history of a shell": """
        .bash_history .zsh_history .python_history .psql_history .mysql_history .rediscli_history
        .node_repl_history .sqlite_history .lesshst .viminfo
    """,
    "dump of a database": """
        dump.sql backup.sql backup.sql.gz prod-dump.sql dump_2026.sql backup-2026-11-28.sql
        shop.sql.gz shop.sql.zst shop.dump shop.pgdump dump.rdb DUMP.SQL
    """,
    "dump of a process": """
        core core.1234 core.7 core.dump python.core vgcore.42 crash.dmp
    """,
    "secrets file": """
        .secrets .kamal/secrets .secrets/a secrets.yml secret.txt passwords.txt vault.yml secrets.yaml.bak
    """,
}
"""Names by the reason that is told."""
PACKED = """
    core/models.py core/__init__.py core.py score.1.js history.py dumps.py dump.py schema.sql
    migrations/0001.sql envs/production.py environment.py kubeconfig/__init__.py kube.py secrets.py
    tokens.py token.py tokenizer.json auth.py credentials.py credentials/__init__.py vault.py
    password.py .env.example secrets.yml.example id_rsa.example backup.py keyboard.bak data.old
    .env-example .env_sample .env-template environment-dist.py
    pip.py condarc.py monkey.py wallet.py static/core.min.js cookies.py
"""
FLAT = [(reason, name) for reason, names in SECRET.items() for name in names.split()]


def scan(project, *names: str, **options):
    return files.scan(project(dict.fromkeys(names, "x")), **options)


@pytest.mark.parametrize(("reason", "name"), FLAT, ids=[name for _, name in FLAT])
def test_it_is_never_packed_and_the_run_says_why(project, reason, name):
    found = scan(project, "app.py", name)
    assert [file.name for file in found.files] == ["app.py"]
    (left,) = found.left_out
    assert (left.reason, left.secret) == (reason, True)
    assert name.startswith(left.path.rstrip("/"))


@pytest.mark.parametrize("name", PACKED.split())
def test_what_only_looks_alike_is_packed(project, name):
    assert name in [file.name for file in scan(project, name).files]


@pytest.mark.parametrize("name", ["id_rsa.bak", ".envs/.production/.django", "dump.sql", "core.1234"])
def test_no_pattern_of_the_users_brings_one_back(project, name):
    found = scan(project, "app.py", ".lambdifyignore", name)
    assert name not in [file.name for file in found.files]
    root = project({".lambdifyignore": f"!{name}\n!.envs/\n"})
    assert name not in [file.name for file in files.scan(root).files]


@pytest.mark.parametrize("name", ["id_rsa.bak", "dump.sql"])
def test_its_exact_path_does(project, name):
    assert name in [file.name for file in scan(project, name, include=[name]).files]


def test_a_link_to_a_copy_of_a_key_is_one(project):
    root = project({"app.py": "", "keys/id_rsa.bak": "x"})
    (root / "harmless.txt").symlink_to("keys/id_rsa.bak")
    assert [file.name for file in files.scan(root).files] == ["app.py"]


def test_a_folder_of_environments_is_brought_back_by_no_wish_for_all_of_it(project):
    with pytest.raises(SettingsError):
        scan(project, "app.py", include=[".envs"])
