#!/usr/bin/env python3
"""Build a Debian package of onlyme for the Debian release that this runs on.

packaging/build_deb.py WHEEL [--out dist] [--revision 1] [--unpacked]

The package holds an environment of its own in /usr/lib/onlyme: the wheel and pinned wheels of
everything that it needs, for Debian's Python. So it is bound to that version of Python, and there
is one package for each release of Debian. Needs pip (of the Python that runs this), dpkg-deb and
readelf; the network is used only by pip, and not at all with PIP_NO_INDEX and PIP_FIND_LINKS.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from email.parser import HeaderParser
from email.utils import format_datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PYTHON = Path("/usr/bin/python3")
HOME = Path("/usr/lib/onlyme")
EXTRAS = "unlock,serve,fast,heic"
PROGRAMS = ("onlyme", "onlyme-pam")
UNUSED = (
    # What computes on graphics and neural processors, and reads formats that onlyme has no file of.
    "openvino/libs/libopenvino_intel_gpu_plugin.so",
    "openvino/libs/libopenvino_intel_npu_plugin*.so",
    "openvino/libs/cache.json",
    "openvino/libs/libopenvino_pytorch_frontend.so*",
    "openvino/libs/libopenvino_tensorflow_frontend.so*",
    "openvino/libs/libopenvino_paddle_frontend.so*",
    "openvino/libs/libopenvino_jax_frontend.so*",
    "openvino/libs/libopenvino_gguf_frontend.so*",
    "openvino/frontend/jax", "openvino/frontend/paddle",
    "openvino/frontend/pytorch", "openvino/frontend/tensorflow",
    "openvino/include", "openvino/cmake", "openvino/tools",
    # Tests, headers and static libraries of the libraries.
    "numpy/**/tests", "scipy/**/tests", "numpy/_core/include", "numpy/_core/lib",
    "numpy/random/lib", "numpy/f2py", "numpy/typing/tests",
    "**/*.pyx", "**/*.pxd", "**/*.a", "**/direct_url.json", "**/INSTALLER", "**/REQUESTED",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--revision", default="1", help="of the Debian package")
    parser.add_argument("--unpacked", action="store_true", help="do not compress: for trials")
    arguments = parser.parse_args()
    os.umask(0o022)
    if "SOURCE_DATE_EPOCH" not in os.environ:
        os.environ["SOURCE_DATE_EPOCH"] = read_commit_date()
    with tempfile.TemporaryDirectory(prefix="onlyme-deb-") as scratch:
        stage = Path(scratch) / "root"
        packages = make_environment(stage, arguments.wheel.resolve())
        version = f"{read_version(packages)}-{arguments.revision}+deb{read_release()}"
        put_files(stage, packages, version)
        set_modes(stage)
        put_control(stage, version)
        arguments.out.mkdir(parents=True, exist_ok=True)
        path = arguments.out / f"onlyme_{version}_{run('dpkg', '--print-architecture')}.deb"
        packer = ["-Znone"] if arguments.unpacked else ["-Zxz", "-z3"]
        run("dpkg-deb", "--root-owner-group", *packer, "--build", stage, path)
    print(path)
    return 0


def make_environment(stage: Path, wheel: Path) -> Path:
    """Install the wheel and what it needs under `stage`; return the folder of the packages."""
    home = stage / HOME.relative_to("/")
    run(PYTHON, "-m", "venv", "--without-pip", "--symlinks", home)
    run(
        *(sys.executable, "-m", "pip", "--python", home / "bin/python", "install", "--quiet"),
        *("--no-compile", "--only-binary=:all:", "--disable-pip-version-check"),
        *("-c", ROOT / "constraints.txt", f"{wheel}[{EXTRAS}]"),
    )
    (packages,) = home.glob("lib/python3*/site-packages")
    for pattern in UNUSED:
        for path in list(packages.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for program in (home / "bin").iterdir():
        if not program.name.startswith("python") and program.name not in PROGRAMS:
            program.unlink()
    for name in PROGRAMS:
        # `-I`: no variable and no user's folder makes root's program load other code.
        text = (home / "bin" / name).read_text("utf-8")
        _, _, rest = text.partition("\n")
        (home / "bin" / name).write_text(f"#!{HOME}/bin/python -I\n{rest}", "utf-8")
    settings = (home / "pyvenv.cfg").read_text("utf-8")
    kept = [line for line in settings.splitlines() if not line.startswith("command")]
    (home / "pyvenv.cfg").write_text("\n".join(kept) + "\n", "utf-8")
    shutil.rmtree(home / "include", ignore_errors=True)
    (home / "lib64").unlink(missing_ok=True)
    return packages


def put_files(stage: Path, packages: Path, version: str) -> None:
    """Put everything beside the environment in its place."""
    python = stage / HOME.relative_to("/") / "bin/python"
    (stage / "usr/bin").mkdir(parents=True)
    for name in PROGRAMS:
        (stage / "usr/bin" / name).symlink_to(f"../lib/onlyme/bin/{name}")
    command = (f"{HOME}/bin/python", "-I", f"{HOME}/bin/onlyme-pam")
    make = f"""
from pathlib import Path
from onlyme.unlock.config_file import make_config_file
from onlyme.unlock.pam.program import make_profile
from onlyme.unlock.units import NAMES, make_unit
stage = Path({str(stage)!r})
def put(path, text):
    (stage / path).parent.mkdir(parents=True, exist_ok=True)
    (stage / path).write_text(text, "utf-8")
for name in NAMES:
    put(f"lib/systemd/system/{{name}}", make_unit(name, Path("{HOME}/bin/onlyme")))
put("usr/share/pam-configs/onlyme", make_profile({command!r}))
put("usr/share/onlyme/config.toml", make_config_file())
"""
    run(python, "-I", "-B", "-c", make)
    run(python, "-B", HERE / "man_pages.py", stage / "usr/share/man")
    for page in (stage / "usr/share/man").rglob("onlyme*"):
        pack(page)
    completions = {
        "bash": "usr/share/bash-completion/completions/onlyme",
        "zsh": "usr/share/zsh/vendor-completions/_onlyme",
        "fish": "usr/share/fish/vendor_completions.d/onlyme.fish",
    }
    for shell, name in completions.items():
        environment = os.environ | {"_ONLYME_COMPLETE": f"source_{shell}"}
        program = [python, "-I", "-B", python.with_name("onlyme")]
        text = subprocess.run(
            program, env=environment, capture_output=True, text=True, check=True
        ).stdout
        path = stage / name
        path.parent.mkdir(parents=True)
        path.write_text(text.lstrip(), "utf-8")
    tmpfiles = stage / "usr/lib/tmpfiles.d/onlyme.conf"
    tmpfiles.parent.mkdir(parents=True)
    shutil.copy(HERE / "debian/tmpfiles.conf", tmpfiles)
    overrides = stage / "usr/share/lintian/overrides/onlyme"
    overrides.parent.mkdir(parents=True)
    shutil.copy(HERE / "debian/lintian-overrides", overrides)
    put_documents(stage / "usr/share/doc/onlyme", packages, version)


def put_documents(folder: Path, packages: Path, version: str) -> None:
    """Write the copyright file and the changelogs."""
    folder.mkdir(parents=True)
    parts = [(HERE / "debian/copyright.head").read_text("utf-8"), "\n"]
    parts.append((ROOT / "THIRD_PARTY_NOTICES.md").read_text("utf-8"))
    parts.append(
        "\nLibraries in /usr/lib/onlyme, each with the files of its licence beside it:\n\n"
    )
    for folder_ in sorted(packages.glob("*.dist-info"), key=lambda path: path.name.lower()):
        about = HeaderParser().parsestr((folder_ / "METADATA").read_text("utf-8"))
        said = about["License-Expression"] or about["License"] or "see its files"
        licence = said.strip().splitlines()[0][:60]
        parts.append(f"  {about['Name']} {about['Version']}: {licence}\n")
    parts.append(
        "\nThe text of the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.\n"
    )
    (folder / "copyright").write_text("".join(parts), "utf-8")
    shutil.copy(ROOT / "CHANGELOG.md", folder / "changelog")
    pack(folder / "changelog")
    date = format_datetime(datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC))
    (folder / "changelog.Debian").write_text(
        f"onlyme ({version}) stable; urgency=medium\n\n  * See the changelog of onlyme.\n\n"
        f" -- The onlyme authors <onlyme@maintainers.invalid>  {date}\n",
        "utf-8",
    )
    pack(folder / "changelog.Debian")


def put_control(stage: Path, version: str) -> None:
    """Write the control file, the maintainer's scripts and the checksums."""
    files = sorted(p for p in stage.rglob("*") if p.is_file() and not p.is_symlink())
    size = sum(path.stat().st_size for path in files)
    control = stage / "DEBIAN"
    control.mkdir(mode=0o755)
    text = (HERE / "debian/control.in").read_text("utf-8")
    values = {
        "VERSION": version,
        "ARCHITECTURE": run("dpkg", "--print-architecture"),
        "SIZE": str(size // 1024),
        "DEPENDS": ", ".join(list_depends(stage)),
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    (control / "control").write_text(text, "utf-8")
    for name in ("postinst", "prerm", "postrm"):
        shutil.copy(HERE / "debian" / name, control / name)
        (control / name).chmod(0o755)
    sums = run("md5sum", *(path.relative_to(stage) for path in files), cwd=stage)
    (control / "md5sums").write_text(sums + "\n", "utf-8")
    (control / "md5sums").chmod(0o644)


def list_depends(stage: Path) -> list[str]:
    """Return what the package depends on: Python, PAM, and the owners of shared libraries."""
    major, minor = (int(part) for part in re.findall(r"\d+", run(PYTHON, "--version"))[:2])
    found = [
        f"python3 (>= {major}.{minor})",
        f"python3 (<< {major}.{minor + 1})",
        *("adduser", "libpam-modules", "libpam-runtime"),
    ]
    found_libraries = [p for p in stage.rglob("*.so*") if re.search(r"\.so(\.\w+)*$", p.name)]
    libraries = [path for path in found_libraries if not path.is_symlink()]
    shipped = {path.name for path in found_libraries}
    needed = set[str]()
    for start in range(0, len(libraries), 100):
        said = run("readelf", "-d", *libraries[start : start + 100])
        needed |= set(re.findall(r"\(NEEDED\).*\[(.+)\]", said))
    for name in sorted(needed - shipped):
        owners = [
            line.split(":")[0]
            for line in run("dpkg-query", "-S", f"*/{name}").splitlines()
            if re.search(
                rf"/(usr/)?lib/x86_64-linux-gnu/{re.escape(name)}$|/{re.escape(name)}$", line
            )
        ]
        found.append(owners[0])
    return sorted(dict.fromkeys(found))


def set_modes(stage: Path) -> None:
    """Give every file the mode that it has on every machine; root owns all of them."""
    for path in stage.rglob("*"):
        if path.is_symlink():
            continue
        if path.is_dir():
            path.chmod(0o755)
        else:
            path.chmod(0o755 if path.parent.name == "bin" else 0o644)


def pack(path: Path) -> None:
    """Replace a file by its packed form, without name and time, as Debian wants documents."""
    with Path(f"{path}.gz").open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, 0) as file:
        file.write(path.read_bytes())
    path.unlink()


def read_version(packages: Path) -> str:
    (about,) = packages.glob("onlyme-*.dist-info")
    return about.name.removeprefix("onlyme-").removesuffix(".dist-info")


def read_release() -> str:
    text = Path("/etc/os-release").read_text("utf-8")
    if not (found := re.search(r'^VERSION_ID="?(\d+)', text, re.MULTILINE)):
        raise SystemExit("/etc/os-release names no release of Debian")
    return found[1]


def read_commit_date() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "0"


def run(*words: object, cwd: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"`{' '.join(map(str, words))[:500]}` failed: {done.stderr[-2000:]}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
