# Debian 12 packages by what needs them; sourced by ./lostbuddy and testing/run. README.md says what each is for.

PACKAGES_TRACE="liblzma-dev libtracecmd-dev libtraceevent-dev libtracefs-dev"
PACKAGES_BASE="cmake ninja-build gcc libc6-dev libjansson-dev libxxhash-dev $PACKAGES_TRACE"
PACKAGES_LIBFUZZER="clang-19 libclang-rt-19-dev llvm-19"
PACKAGES_AFL="afl++ clang-19 libclang-rt-19-dev llvm-19"
PACKAGES_BENCH="valgrind"
PACKAGES_COMPARE="hyperfine git python3"
PACKAGES_TEST="python3 gcc-12 clang-14 clang-format-19 clang-tidy-19 cppcheck"

# missing_packages NAME... - those of them that are not installed; where there is no dpkg, none: the build will tell
missing_packages() {
	local package installed

	command -v dpkg-query >/dev/null || return 0
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} \n' "$@" 2>/dev/null)
	for package in "$@"; do
		case "$installed" in
		*"installed $package "*) ;;
		*) printf '%s\n' "$package" ;;
		esac
	done
}
