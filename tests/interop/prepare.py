"""Installs what the stacks below this folder need and does not have yet; run by the virtual environment's own python.

Debian packages are installed as root or with sudo; everything else goes into the virtual environment and the folder
that PEERGATE_CLIENTS names. The `stack.toml` of each stack says what it needs, see stacks.py.
"""

import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import stacks
from stacks import CLIENTS

INSTALL_SECONDS = 900


def run(*command, **options):
    """A command that says something only when it fails, and then ends the program."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=INSTALL_SECONDS, **options
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{stacks.ends_of(done.stdout, 15)}")


def as_root(*command):
    run(*([] if os.geteuid() == 0 else ["sudo"]), *command)


def is_installed(package):
    asked = subprocess.run(["dpkg-query", "--show", "--showformat=${Status}", package], capture_output=True, text=True)
    return asked.returncode == 0 and asked.stdout.endswith("ok installed")


def debian(found):
    """Debian packages, after one look for fresh lists."""
    wanted = {package for stack in found for package in stack.debian if not is_installed(package)}
    wanted |= {
        package for stack in found for command, package in stack.commands.items() if not shutil.which(command)
    }
    files = {
        package for stack in found for package in stack.download if not (CLIENTS / "debian" / package).exists()
    }
    if wanted or files:
        print(f"  Debian: {' '.join(sorted(wanted | files))}", flush=True)
        as_root("apt-get", "update", "-qq")
    if wanted:
        options = ["-o", "DPkg::Lock::Timeout=300", "--no-install-recommends"]
        as_root("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qq", *options, *sorted(wanted))
    for package in sorted(files):
        unpack(package)


def unpack(package):
    """The files of a package that is not installed."""
    target = CLIENTS / "debian" / package
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package, cwd=folder)
        archive, = pathlib.Path(folder).glob("*.deb")
        run("dpkg", "--extract", archive, f"{folder}/files")
        os.replace(f"{folder}/files", target)


def has_wheel(requirement):
    name, _, version = requirement.partition("==")
    try:
        return importlib.metadata.version(name) == version
    except importlib.metadata.PackageNotFoundError:
        return False


def pip(found):
    wanted = sorted({package for stack in found for package in stack.pip if not has_wheel(package)})
    if wanted:
        print(f"  PyPI: {' '.join(wanted)}", flush=True)
        run(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)


def has_module(package):
    name, _, version = package.rpartition("@")
    try:
        return json.loads((CLIENTS / "node_modules" / name / "package.json").read_text())["version"] == version
    except (OSError, ValueError, KeyError):
        return False


def npm(found):
    all_of_them = sorted({package for stack in found for package in stack.npm})
    wanted = [package for package in all_of_them if not has_module(package)]
    if wanted:
        print(f"  npm: {' '.join(wanted)}", flush=True)
        CLIENTS.mkdir(parents=True, exist_ok=True)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        # All of them, since npm removes what it is not told of.
        run("npm", "install", *options, "--prefix", CLIENTS, *all_of_them)


def main():
    found = [stack for folder in sorted(stacks.HERE.iterdir()) if folder.is_dir() for stack in stacks.load(folder)]
    debian(found)
    pip(found)
    npm(found)


if __name__ == "__main__":
    main()
