"""What requirements come to on the function's platform, with a package index on the loopback."""

import platform
import sys
from dataclasses import replace

import pytest
from packing.packages import sha256, source_tree

from lambdify.cli import settings
from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.sources import find_source
from lambdify.cli.packing.resolution.plan import make_plan
from lambdify.cli.packing.target import Target

HOST = "{}.{}".format(*sys.version_info)


def plan(root, *extra, target=None, **build):
    build = replace(settings.load(root).build, **build)
    return make_plan(find_source(root, build), root, target or Target(), build, extra)


def chosen(made):
    return {package.name: package.filename or package.kind for package in made.packages}


def test_the_wheel_for_the_function_is_chosen_whatever_this_machine_is(project, index):
    for tag in ("cp313-cp313-manylinux_2_17_aarch64", "cp313-cp313-manylinux_2_17_x86_64", "py3-none-any"):
        index.add_wheel("pack", "1.0", tag=tag)
    root = project({"requirements.txt": f"{index.option}pack\n"})
    assert chosen(plan(root, target=Target(architecture="arm64"))) == {
        "pack": "pack-1.0-cp313-cp313-manylinux_2_17_aarch64.whl"
    }
    assert chosen(plan(root, target=Target(python="3.12"))) == {"pack": "pack-1.0-py3-none-any.whl"}


def test_markers_are_those_of_the_function(project, index):
    for name in ("old", "new", "arm", "patch", "windows"):
        index.add_wheel(name, "1.0")
    lines = (
        "old ; python_version < '3.13'",
        "new ; python_version >= '3.13'",
        "arm ; platform_machine == 'aarch64'",
        # uv reads a bare --python-version 3.13 as 3.13.0.
        "patch ; python_full_version >= '3.13.2'",
        "windows ; sys_platform == 'win32'",
    )
    root = project({"requirements.txt": index.option + "\n".join(lines)})
    made = plan(root, target=Target(python="3.13", architecture="arm64"))
    assert set(chosen(made)) == {"new", "arm", "patch"}
    assert (HOST, platform.machine()) != ("3.13", "aarch64"), "the host must differ for this to show anything"


def test_markers_of_a_package_count_too(project, index):
    index.add_wheel(
        "web", "1.0", requires=("old ; python_version < '3.12'", "new ; python_version >= '3.12'")
    )
    index.add_wheel("old", "1.0")
    index.add_wheel("new", "1.0")
    root = project({"requirements.txt": f"{index.option}web\n"})
    assert set(chosen(plan(root, target=Target(python="3.11")))) == {"web", "old"}
    assert set(chosen(plan(root, target=Target(python="3.13")))) == {"web", "new"}


def test_included_files_constraints_and_folders_are_read_from_where_they_lie(project, index):
    for version in ("1.0", "2.0"):
        index.add_wheel("web", version)
    root = project(
        {
            "requirements.txt": f"{index.option}-r deps/more.txt\n-e ./tools\n",
            "deps/more.txt": "-c limits.txt\nweb\n",
            "deps/limits.txt": "web<2\n",
            **{f"tools/{name}": text for name, text in source_tree("tools", "0.3").items()},
        }
    )
    made = plan(root)
    assert chosen(made) == {"web": "web-1.0-py3-none-any.whl", "tools": "directory"}
    assert made.builds[0].path == root / "tools"


def test_an_older_version_with_a_wheel_is_taken_where_the_newest_has_none_and_that_is_said(project, index):
    index.add_sdist("pack", "2.0")
    index.add_wheel("pack", "1.5")
    root = project({"requirements.txt": f"{index.option}pack\n"})
    made = plan(root)
    assert chosen(made) == {"pack": "pack-1.5-py3-none-any.whl"}
    assert made.notes == (
        "pack 1.5 instead of 2.0: newer ones have no wheel for python3.13 on x86_64 (Amazon Linux 2023)",
    )


def test_what_never_had_a_wheel_does_not_keep_the_others_from_an_older_one(project, index):
    index.add_sdist("never", "1.0")
    index.add_sdist("pack", "2.0")
    index.add_wheel("pack", "1.5")
    root = project({"requirements.txt": f"{index.option}never\npack\n"})
    assert chosen(plan(root)) == {"never": "never-1.0.tar.gz", "pack": "pack-1.5-py3-none-any.whl"}


@pytest.mark.slow
def test_of_two_that_cannot_both_be_older_one_is(project, index):
    # Each has an older wheel, but an old "left" does not go with an old "right".
    for name, requires in (("left", ("right>=2",)), ("right", ())):
        index.add_sdist(name, "2.0")
        index.add_wheel(name, "1.0", requires=requires)
    made = plan(project({"requirements.txt": f"{index.option}left\nright\n"}))
    assert chosen(made) == {"left": "left-1.0-py3-none-any.whl", "right": "right-2.0.tar.gz"}


@pytest.mark.parametrize("line", ["pack==2.0", "pack>=2"])
def test_a_version_that_the_user_wants_is_never_changed(project, index, line):
    index.add_sdist("pack", "2.0")
    index.add_wheel("pack", "1.5")
    made = plan(project({"requirements.txt": f"{index.option}{line}\n"}))
    assert chosen(made) == {"pack": "pack-2.0.tar.gz"}
    assert made.notes == ()


def test_in_the_container_everything_can_be_built_so_the_newest_is_taken(project, index):
    index.add_sdist("pack", "2.0")
    index.add_wheel("pack", "1.5")
    made = plan(project({"requirements.txt": f"{index.option}pack\n"}), strategy="docker")
    assert chosen(made) == {"pack": "pack-2.0.tar.gz"}


@pytest.mark.parametrize(
    "line",
    ["lambdify", "lambdify==9.9", "lambdify @ file:///nowhere/x", "-e ./lambdify", "Lambdify_CLI>=0.1"],
)
def test_lambdify_itself_is_never_fetched_nor_what_it_would_bring(project, index, line):
    index.add_wheel("lambdify", "0.0.3", requires=("strange",))
    index.add_wheel("web", "1.0", requires=("lambdify",))
    made = plan(
        project(
            {
                "requirements.txt": f"{index.option}web\n{line}\n",
                **{f"lambdify/{name}": text for name, text in source_tree("lambdify", "1").items()},
            }
        )
    )
    assert set(chosen(made)) == {"web"}


@pytest.mark.parametrize("name", ["lambdify", "lambdify-cli"])
def test_that_lambdify_is_taken_from_the_running_one_is_said(project, index, name):
    index.add_wheel("web", "1.0")
    made = plan(project({"requirements.txt": f"{index.option}web\n{name}>=0.1\n"}))
    assert made.notes == (f"{name} in requirements.txt is the one that is running",)


def test_extra_requirements_are_resolved_together_with_the_projects_own(project, index):
    for version in ("1.0", "2.0"):
        index.add_wheel("mangum", version)
    made = plan(project({"requirements.txt": f"{index.option}mangum<2\n"}), "mangum>=0.5")
    assert chosen(made) == {"mangum": "mangum-1.0-py3-none-any.whl"}


def test_a_pyproject_gives_its_dependencies_extras_and_groups(project, index):
    for name in ("web", "postgres", "jobs", "dev"):
        index.add_wheel(name, "1.0")
    text = f"""
        [project]
        name = "shop"
        version = "1"
        dependencies = ["web", "lambdify"]
        [project.optional-dependencies]
        db = ["postgres"]
        [dependency-groups]
        jobs = ["jobs"]
        dev = ["dev"]
        [[tool.uv.index]]
        url = "{index.url}"
        default = true
    """
    root = project({"pyproject.toml": text})
    assert set(chosen(plan(root))) == {"web"}
    assert set(chosen(plan(root, extras=("db",), groups=("jobs",)))) == {"web", "postgres", "jobs"}


def test_a_file_that_the_users_hashes_allow_is_taken(project, index):
    wheel = index.add_wheel("web", "1.0")
    root = project({"requirements.txt": f"{index.option}web==1.0 --hash=sha256:{sha256(wheel)}\n"})
    assert chosen(plan(root)) == {"web": "web-1.0-py3-none-any.whl"}


def test_a_file_that_the_users_hashes_do_not_allow_is_refused(project, index):
    wheel = index.add_wheel("web", "1.0")
    root = project({"requirements.txt": f"{index.option}web==1.0 --hash=sha256:{'0' * 64}\n"})
    with pytest.raises(RequirementsError, match=f"web 1.0: the index offers .* {sha256(wheel)}, which"):
        plan(root)


def test_one_hash_asks_for_all_but_not_for_what_lambdify_adds(project, index):
    wheel = index.add_wheel("web", "1.0")
    index.add_wheel("mangum", "1.0")
    index.add_wheel("more", "1.0")
    text = f"{index.option}web==1.0 --hash=sha256:{sha256(wheel)}\n"
    root = project({"requirements.txt": text})
    assert set(chosen(plan(root, "mangum"))) == {"web", "mangum"}
    (root / "requirements.txt").write_text(f"{text}more\n")
    with pytest.raises(RequirementsError, match=r"has no hash for more 1\.0"):
        plan(root, "mangum")


def test_what_does_not_resolve_is_told_in_uvs_words_with_the_way_out(project, index):
    index.add_wheel("web", "1.0")
    root = project({"requirements.txt": f"{index.option}web>=7\n"})
    with pytest.raises(RequirementsError, match=r"for python3\.13 on x86_64: .*\n.*only web") as caught:
        plan(root)
    assert caught.value.hint == "Change the requirement that is named above."


def test_a_release_that_its_authors_took_back_is_passed_over(project, index):
    index.add_wheel("web", "1.0")
    index.yank(index.add_wheel("web", "2.0"), reason="loses data")
    made = plan(project({"requirements.txt": f"{index.option}web\n"}))
    assert chosen(made) == {"web": "web-1.0-py3-none-any.whl"}
    assert made.notes == ()


def test_one_that_is_pinned_all_the_same_is_taken_and_told_again_and_again(project, index):
    index.yank(index.add_wheel("web", "2.0"), reason="loses data")
    root = project({"requirements.txt": f"{index.option}web==2.0\n"})
    told = "web 2.0 was yanked from its index: loses data"
    assert plan(root).notes == (told,)
    assert plan(root).notes[0] == told


def test_where_nothing_else_will_do_the_reason_is_told(project, index):
    index.yank(index.add_wheel("web", "2.0"), reason="loses data")
    with pytest.raises(RequirementsError, match=r"web==2\.0 was yanked \(reason: loses data\)"):
        plan(project({"requirements.txt": f"{index.option}web>=2\n"}))


def test_a_line_that_is_none_is_told(project):
    with pytest.raises(RequirementsError, match=r"requirements\.txt cannot be resolved .*(\n.*)*flask=="):
        plan(project({"requirements.txt": "flask==\n"}))


@pytest.mark.parametrize("word", ["s3cret-word", "wrong-word"])
def test_no_message_shows_the_credentials_of_an_index(project, index, word):
    option = index.option.replace("s3cret-word", word)
    root = project({"requirements.txt": f"{option}nowhere-to-be-found\n"})
    with pytest.raises(RequirementsError) as caught:
        plan(root)
    assert word not in f"{caught.value.message} {caught.value.hint}"
    assert "nowhere-to-be-found" in caught.value.message


def test_no_file_with_credentials_is_left_behind(project, index, tmp_path, monkeypatch):
    index.add_wheel("web", "1.0")
    root = project({"requirements.txt": f"{index.option}web\n"})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    plan(root, "web")
    assert list(temporary.iterdir()) == []
