# Shared by the commands in bin/. Sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Shared libraries: the Debian package, and the file that shows it is there. The last one is for the browser tests' driver.
PDF_LIBRARIES=(libpango-1.0-0=libpango-1.0.so.0 libpangoft2-1.0-0=libpangoft2-1.0.so.0 libharfbuzz-subset0=libharfbuzz-subset.so.0)
TEST_LIBRARIES=(libatomic1=libatomic.so.1)

# Tests run in as many processes as there are cores; one that is done takes over from the others.
side_by_side=(--numprocesses auto --dist worksteal)

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# ---- What the machine has ---------------------------------------------------------------------------------------------

# Prints the first Python that is new enough and can make a virtual environment.
find_python() {
  local name
  for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    [[ -n "$name" ]] && command -v "$name" >/dev/null || continue
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

find_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return
  done
  return 1
}

has_postgresql() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# Prints the packages whose library is not there.
missing_libraries() {
  local pair known
  known=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null) || known=
  for pair in "$@"; do
    [[ "$known" == *"${pair#*=} "* ]] || echo "${pair%=*}"
  done
}

# Prints the Debian packages that this machine lacks, for `run` or `dev`.
missing_packages() {
  local level=$1
  [[ -n "$(find_python)" ]] || python_packages
  missing_libraries "${PDF_LIBRARIES[@]}"
  [[ -e /etc/ssl/certs/ca-certificates.crt || -e /etc/pki/tls/certs/ca-bundle.crt ]] || echo ca-certificates
  [[ "$level" == dev ]] || return 0
  missing_libraries "${TEST_LIBRARIES[@]}"
  find_chromium >/dev/null || echo chromium
  has_postgresql || echo postgresql
  command -v openssl >/dev/null || echo openssl
  command -v pdftotext >/dev/null || echo poppler-utils
  command -v git >/dev/null || echo git
}

# python3 where it is new enough (Debian 12, Ubuntu 24.04 and later), else the newest that the distribution offers beside it.
python_packages() {
  local version offered
  version=$(apt-cache policy python3 2>/dev/null | sed -n 's/^ *Candidate: 3\.\([0-9]*\).*/\1/p')
  if [[ -z "$version" || "$version" -ge 11 ]]; then
    printf '%s\n' python3 python3-venv
    return
  fi
  for offered in 14 13 12 11; do
    if [[ -n "$(apt-cache search --names-only "^python3\.$offered-venv\$" 2>/dev/null)" ]]; then
      printf '%s\n' "python3.$offered" "python3.$offered-venv"
      return
    fi
  done
  printf '%s\n' python3.11 python3.11-venv
}

# ---- Packages of the system -------------------------------------------------------------------------------------------

# Installs what is missing, or says exactly what to run.
ensure_packages() {
  local level=$1 packages=() install
  mapfile -t packages < <(missing_packages "$level")
  [[ ${#packages[@]} -gt 0 ]] || return 0
  install="apt-get install -y --no-install-recommends ${packages[*]}"
  if ! command -v apt-get >/dev/null; then
    say "Missing on this machine (by their Debian names): ${packages[*]}"
    die "This is not Debian or Ubuntu: install what corresponds to them, then run this again."
  fi
  if [[ " ${packages[*]} " == *" chromium "* ]] && is_ubuntu; then
    say "The browser tests need Chromium or Chrome, which Ubuntu does not offer as a package. Install Google's"
    die "google-chrome-stable .deb (or: sudo snap install chromium), then run this again."
  fi
  if [[ $EUID -eq 0 ]]; then
    install_packages env "${packages[@]}"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    install_packages "sudo -n env" "${packages[@]}"
  else
    say "Missing on this machine: ${packages[*]}"
    say "They need administrator rights. Run this, then this command again:"
    die "    sudo apt-get update && sudo $install"
  fi
  mapfile -t packages < <(missing_packages "$level")
  [[ ${#packages[@]} -eq 0 ]] || die "Installed, but still not found: ${packages[*]}. See var/setup.log."
}

is_ubuntu() { grep -qs '^ID=ubuntu' /etc/os-release; }

install_packages() {
  local as=$1
  shift
  say "Installing with apt: $*"
  [[ " $* " != *" postgresql "* ]] || without_main_cluster begin "$as"
  $as DEBIAN_FRONTEND=noninteractive apt-get update -qq >>"$log" 2>&1 ||
    say "apt-get update had a complaint (see var/setup.log); going on with the lists that are there."
  if ! $as DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>"$log" 2>&1; then
    without_main_cluster end "$as"
    tail -n 15 "$log" >&2
    die "apt-get could not install: $*. The whole log is in var/setup.log."
  fi
  without_main_cluster end "$as"
}

# The tests make a private PostgreSQL cluster of their own, so the package need not create and start one here.
without_main_cluster() {
  local as=$2 file=/etc/postgresql-common/createcluster.d/prom-server.conf
  if [[ "$1" == begin ]]; then
    $as mkdir -p "${file%/*}"
    $as sh -c "echo 'create_main_cluster = false' >$file"
  else
    $as rm -f "$file"
  fi
}

# ---- The Python environment -------------------------------------------------------------------------------------------

# What an environment of this level was made from: when it changes, the environment is brought up to date.
fingerprint() {
  cat "requirements/$1.txt" requirements/build.txt requirements/boot.txt pyproject.toml | sha256sum | cut -d' ' -f1
}

# .venv holds `dev` or `run`; asking for `run` keeps a `dev` that is there.
ensure_environment() {
  local level=$1 stamp=.venv/.made-from made='' wanted python
  [[ -e "$stamp" ]] && made=$(<"$stamp")
  [[ "$level" == run && "$made" == "dev "* ]] && level=dev
  wanted="$level $(fingerprint "$level") $root"
  if [[ "$made" == "$wanted" && -x .venv/bin/prom-server ]] && .venv/bin/python -c '' 2>/dev/null; then
    return
  fi
  if [[ -n "$made" && "$made" != *" $root" ]] || { [[ -e .venv ]] && ! .venv/bin/python -c '' 2>/dev/null; }; then
    say "Removing .venv: it belongs to another place or to a Python that is gone."
    rm -rf .venv
  fi
  python=$(find_python) || die "No Python 3.11 or newer with venv was found. Install one, or name it: PYTHON=/path/to/python3 $0"
  say "Setting up .venv for ${level/dev/development} with $("$python" --version)"
  rm -f "$stamp"
  make_environment "$python" "$level"
  echo "$wanted" >"$stamp"
}

# Every package is pinned and its hash checked, the installer and the build tools included.
make_environment() {
  local python=$1 level=$2 uv=.venv/.boot/bin/uv
  if ! same_pin "$uv"; then
    logged "$python" -m venv --clear .venv/.boot
    logged .venv/.boot/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements/boot.txt
  fi
  [[ -x .venv/bin/python ]] || logged "$python" -m venv --without-pip .venv
  export UV_PYTHON_DOWNLOADS=never
  logged "$uv" pip sync --python .venv/bin/python --require-hashes "requirements/$level.txt" requirements/build.txt
  logged "$uv" pip install --python .venv/bin/python --no-deps --no-build-isolation -e .
}

same_pin() { [[ -x "$1" ]] && grep -q "^uv==$("$1" --version | cut -d' ' -f2) " requirements/boot.txt; }

# Runs a command with its words in var/setup.log; shows the end of them when it fails.
logged() {
  printf '\n$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 && return
  tail -n 15 "$log" >&2
  die "This did not work: $*" "The whole log is in var/setup.log."
}

# ---- The whole set-up -------------------------------------------------------------------------------------------------

# One at a time: a second command waits here for the first.
set_up() {
  local level=$1 began=$SECONDS
  mkdir -p var
  log=var/setup.log
  exec 8>var/.setup.lock
  if command -v flock >/dev/null; then flock 8; fi
  ensure_packages "$level"
  ensure_environment "$level"
  exec 8>&-
  [[ $((SECONDS - began)) -lt 3 ]] || say "Set up in $((SECONDS - began)) s."
}
