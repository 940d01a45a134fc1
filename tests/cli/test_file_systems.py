"""The vault on other file systems, and under the limits of a control group.

Each runs in a mount namespace of its own, so that nothing of it stays.
"""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import ONLYME
from tests.processes import drop_coverage

IS_ROOT = os.name == "posix" and os.geteuid() == 0
pytestmark = pytest.mark.skipif(not IS_ROOT, reason="a mount of its own needs root")

LOOP = "truncate -s 64M disk && mkfs.ext4 -q disk && mount -o loop{options} disk at"
MOUNTS = {
    "ext4 in a file": LOOP.format(options=""),
    "no programs, no devices, no times": LOOP.format(options=",noexec,nosuid,nodev,noatime"),
    "an ordered log of everything": LOOP.format(options=",data=journal,sync"),
    "names that ignore case": (
        "truncate -s 64M disk && mkfs.ext4 -q -O casefold -E encoding=utf8 disk && "
        "mount -o loop disk at && chattr +F at"
    ),
    "FAT, as on a USB stick": (
        "truncate -s 64M disk && mkfs.vfat disk && mount -o loop,umask=077 disk at"
    ),
    "btrfs": "truncate -s 128M disk && mkfs.btrfs -q disk && mount -o loop disk at",
    "one folder over another, as in containers": (
        "mkdir low && mount -t tmpfs upper low && mkdir low/a low/b low/c && "
        "mount -t overlay overlay -o lowerdir=low/a,upperdir=low/b,workdir=low/c at"
    ),
    "memory": "mount -t tmpfs -o size=32M memory at",
}
NO_MOUNT = 77


def run_in(mount, onlyme, script, tmp_path):
    """Mount at `at`, and run a script in which `onlyme` is the command and the vault is there."""
    (tmp_path / "at").mkdir()
    command = " ".join(map(str, ONLYME))
    text = f'({mount}) >/dev/null 2>&1 || exit {NO_MOUNT}\nonlyme() {{ {command} "$@"; }}\n'
    text += f"umask 077; mkdir at/vault; export ONLYME_VAULT={tmp_path}/at/vault\n{script}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", text],
        cwd=tmp_path, env=drop_coverage(onlyme.environment()), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if done.returncode == NO_MOUNT:
        pytest.skip("this system has no such file system, or no tool that makes one")
    return done


@pytest.mark.parametrize("name", MOUNTS)
def test_a_vault_on_another_file_system(name, onlyme, photos, tmp_path):
    script = f"""
        set -e
        onlyme enroll ada {photos}/obama_1.jpg {photos}/obama_2.jpg
        onlyme verify ada {photos}/obama_3.jpg
        onlyme verify ada {photos}/biden_1.jpg && exit 10 || test $? = 1
        onlyme not-me ada {photos}/biden_1.jpg
        onlyme rekey
        onlyme backup backup.bin
        onlyme rename ada Ada
        onlyme verify Ada {photos}/obama_3.jpg
        onlyme audit verify
        onlyme forget Ada
        test -z "$(onlyme list --json | tr -d '[]\\n ')"
    """
    done = run_in(MOUNTS[name], onlyme, script, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_disk_that_turns_read_only_is_still_read(onlyme, photos, tmp_path):
    """The kernel does that when a disk begins to fail."""
    script = f"""
        onlyme enroll ada {photos}/obama_1.jpg || exit 10
        mount -o remount,ro at || exit {NO_MOUNT}
        onlyme list || exit 11
        onlyme verify ada {photos}/obama_3.jpg || exit 12
        onlyme tune ada --far 1e-4; test $? = 2 || exit 13
        mount -o remount,rw at
        onlyme tune ada --far 1e-4 && onlyme audit verify
    """
    done = run_in(MOUNTS["ext4 in a file"], onlyme, script, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------- control groups


@pytest.fixture
def memory_group():
    """Make a control group with a limit on memory; return the file that takes members."""
    old, new = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    root, limit = (old, "memory.limit_in_bytes") if old.is_dir() else (new, "memory.max")
    group = root / f"onlyme-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("control groups cannot be made here")
    try:
        if not (group / limit).exists():
            pytest.skip("control groups have no limit on memory here")
        yield group, limit
    finally:
        group.rmdir()


@pytest.mark.parametrize("megabytes", [40, 80, 100])
def test_a_limit_on_memory_ends_a_command_but_harms_nothing(
    obama, photos, tmp_path, memory_group, megabytes
):
    """The kernel kills the command wherever it is."""
    group, limit = memory_group
    try:
        (group / limit).write_text(str(megabytes * 2**20))
    except OSError:
        pytest.skip("the limit cannot be set here")
    before = obama("list", "--json").stdout
    for words in (
        ("verify", "obama", str(photos / "biden_1.jpg")),
        ("not-me", "obama", str(photos / "biden_1.jpg")),
        ("enroll", "joe", str(photos / "biden_1.jpg")),
    ):
        script = f'echo $$ > {group}/cgroup.procs || exit {NO_MOUNT}; exec "$@"'
        done = subprocess.run(
            ["sh", "-c", script, "sh", *map(str, ONLYME), *words],
            env=drop_coverage(obama.environment()), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == NO_MOUNT:
            pytest.skip("no process can be put into a control group here")
        if words[0] == "verify":  # a stranger: never 0
            assert done.returncode in {1, 2, -signal.SIGKILL}, done.stderr
    assert obama("audit", "verify").returncode == 0
    assert obama("verify", "obama", photos / "obama_3.jpg").returncode == 0
    assert '"obama"' in before
    assert '"obama"' in obama("list", "--json").stdout


FULL = """
    mount -t tmpfs -o size={size}k,mode=700 full "$ONLYME_VAULT" || exit 77
    cp -a "$ONLYME_VAULT.copy/." "$ONLYME_VAULT"
    cat /dev/zero > "$ONLYME_VAULT/fill" 2>/dev/null; truncate -s -{room}k "$ONLYME_VAULT/fill"
    sha256sum "$ONLYME_VAULT/vault.key"
    "$@"; echo "code $?"
    sha256sum "$ONLYME_VAULT/vault.key"; rm "$ONLYME_VAULT/fill"
"""


@pytest.mark.parametrize("room", [0, 24, 64, 128, 512])
def test_new_keys_on_a_disk_that_gets_full_count_or_do_not(obama, photos, room):
    """An error says that nothing was changed, and success that everything was."""
    environment = drop_coverage(obama.environment())
    vault = environment["ONLYME_VAULT"]
    words = " ".join(map(str, ONLYME))
    check = f"{words} verify obama {photos}/obama_3.jpg >/dev/null && echo opens"
    script = FULL.format(size=2048, room=room) + check
    begin = ("unshare", "-m", "sh", "-c")
    done = subprocess.run(
        [*begin, f'cp -a "{vault}" "{vault}.copy"\n{script}', "sh", *map(str, ONLYME), "rekey"],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode == NO_MOUNT:
        pytest.skip("this system allows no mount")
    lines = done.stdout.splitlines()
    assert lines[-1] == "opens", done.stdout
    sums = [line for line in lines if line.endswith("vault.key")]
    is_new = sums[0] != sums[1]
    assert ("code 0" in lines) is is_new, done.stdout
    assert ("code 2" in lines) is not is_new, done.stdout
    if is_new:  # notes about what is left do not say that nothing was done
        assert not any("run the command again" in line for line in lines), done.stdout
    if not is_new:
        assert any("the disk is full" in line for line in lines), done.stdout
