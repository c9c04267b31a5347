#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bootstrap, with commands of our own in place of dpkg-query, apt-get, id, sudo
# and make: what it installs, when, and what it says if it can't.
#
#  1. with everything there, apt-get is not called
#  2. without LuaJIT, libluajit-5.1-dev is installed, or the other one where
#     the release has only that; with the other LuaJIT, neither
#  3. who is not root gets sudo, or the command to run
#  4. a failed apt-get or make ends it, with a message
#  5. wrong words are refused before anything happens

bootstrap=$USHER_SRC/bootstrap
cases=0
failures=0

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/build" "$work/nosudo"
: >"$work/build/Makefile"
cd "$work" || exit 1

# stub FOLDER/NAME: a command that runs the lines on standard input.
stub()
{
	{
		echo "#!/bin/sh"
		cat
	} >"$1"
	chmod +x "$1"
}

# The words of $MISSING are the packages that are not installed.
stub bin/dpkg-query <<'END'
for package; do :; done
case " $MISSING " in
*" $package "*) exit 1 ;;
esac
printf installed
END
stub bin/apt-get <<'END'
echo "$*" >>apt-calls
test -z "$APT_FAILS"
END
# The words of $UNKNOWN are packages that the release does not have.
stub bin/apt-cache <<'END'
case " $UNKNOWN " in
*" $2 "*) echo "N: no such package" >&2 ;;
*) echo "Package: $2" ;;
esac
END
stub bin/id <<'END'
echo "${FAKE_UID:-0}"
END
stub bin/sudo <<'END'
echo sudo >>apt-calls
"$@"
END
stub bin/make <<'END'
echo "$*" >>make-calls
test -z "$MAKE_FAILS"
END

# A folder with what bootstrap needs, and no sudo.
for command in sh sed tr xargs dirname nproc grep cat env mkdir; do
	ln -s "$(command -v $command)" "nosudo/$command"
done
for command in dpkg-query apt-get apt-cache id make; do
	ln -s "../bin/$command" "nosudo/$command"
done

stub nosudo/echo <<'END'
printf '%s\n' "$*"
END

# The shell changes folders: the stubs write where $PWD was.
sed -i "s|>>|>>$work/|" bin/*

# run STATUS WORDS...
run()
{
	expected=$1
	shift
	rm -f apt-calls make-calls
	touch apt-calls make-calls
	env PATH="${USE_PATH:-$work/bin:$PATH}" USHER_BUILD="$work/build" \
		USHER_CONFIGURE= "$bootstrap" "$@" >out 2>&1
	status=$?
	check "status $expected of: $*" test $status -eq "$expected"
}

check()
{
	what=$1
	shift
	cases=$((cases + 1))
	if ! "$@"; then
		failures=$((failures + 1))
		echo "FAILED: $what, apt-get saw:"
		cat apt-calls
		cat out
	fi
}

lacks()
{
	! grep -q "$@"
}

export MISSING UNKNOWN APT_FAILS MAKE_FAILS FAKE_UID

MISSING="libluajit-5.1-dev pkgconf clang"
run 0
check "with all there, no apt-get" test ! -s apt-calls
check "but make" grep -q all make-calls

MISSING="libluajit-5.1-dev libluajit2-5.1-dev"
run 0
check "a LuaJIT is installed" grep -q "install.* libluajit-5.1-dev" apt-calls
check "and not both" lacks libluajit2 apt-calls
check "after an update" grep -q "^update" apt-calls
check "as root" lacks sudo apt-calls

UNKNOWN=libluajit-5.1-dev
run 0
check "or the other" grep -q "install.* libluajit2-5.1-dev" apt-calls
check "and only that" lacks " libluajit-5.1-dev" apt-calls
UNKNOWN=

MISSING="libluajit2-5.1-dev libssl-dev"
run 0
check "another LuaJIT stays" lacks libluajit apt-calls
check "what else is missing comes" grep -q "install.*libssl-dev" apt-calls

FAKE_UID=1000
run 0
check "sudo" grep -q sudo apt-calls
USE_PATH=$work/nosudo
run 1
check "neither root nor sudo" grep -q "run: apt-get install libssl-dev" out
USE_PATH=
FAKE_UID=

APT_FAILS=1
run 1
check "apt-get fails" grep -q "could not install: libssl-dev" out
APT_FAILS=

MISSING=curl
run 0 check
check "tests get more" grep -q "install.*curl" apt-calls
check "and are run" grep -q check make-calls
run 0
check "building gets what it needs only" test ! -s apt-calls

MAKE_FAILS=1
run 1
check "make fails" grep -q "make failed" out
MAKE_FAILS=

run 1 chekc
check "a wrong word" grep -q "chekc" out
run 1 check --no-wait
check "a word out of place" grep -q "goes with demo" out
check "nothing was done" test ! -s make-calls
run 0 packages
check "the packages" grep -q libcbor-dev out

echo "$((100 * (cases - failures) / cases))%: Checks: $cases," \
	"Failures: $failures, Errors: 0"
test $failures -eq 0
