#!/usr/bin/env bash
# Makes the documents one searchable site in target/site, of the files as they lie in the repository.
# mdBook is built from crates.io into target/tools when this version of it is not installed (a few minutes).
#
#   scripts/docs.sh               target/site/index.html
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.5.4

mdbook=$(command -v mdbook || true)
if [[ -z $mdbook || $("$mdbook" --version) != "mdbook v$version" ]]; then
    mdbook=target/tools/bin/mdbook
    if [[ ! -x $mdbook || $("$mdbook" --version) != "mdbook v$version" ]]; then
        cargo install --locked --quiet --no-default-features --features search --version "$version" --root target/tools mdbook
    fi
fi

# Links between documents are relative to where they lie, so they are staged as they lie.
source=target/book
rm -rf "$source" target/site
mkdir -p "$source"
cp docs/book/book.toml docs/book/SUMMARY.md "$source"
git ls-files -z -- '*.md' docs/images inventory.toml docker/roundsman.toml LICENSE ':!docs/book' | xargs -0 cp --parents -t "$source"
"$mdbook" build "$source"
echo "target/site/index.html"
