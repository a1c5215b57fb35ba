# What a contributor runs; `just` alone lists it. Needs `just` (pip install rust-just) and the virtual environment of `just setup`.

python := ".venv/bin/python"

_list:
    @just --list

# make the virtual environment, with everything that tests need
setup:
    python3 -m venv .venv
    .venv/bin/pip install -e ".[test]"

# start the app
run *options:
    .venv/bin/leafscope {{options}}

# format and fix what can be fixed
fmt:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

# lint Python and the scripts
lint:
    .venv/bin/ruff format --check .
    .venv/bin/ruff check .
    .venv/bin/biome lint --config-path=.ci app/assets

# check types; mypy reads a folder of links, because it cannot follow setuptools' package-dir
types:
    .ci/types

# check that layers hold and that there are no circles
imports:
    .venv/bin/lint-imports

# run tests, by default all of them in two processes
test *options="-n 2 --dist loadfile":
    .venv/bin/pytest {{options}}

# print how many lines and branches of each package the tests without a browser reach
coverage *options="-n 2 --dist loadfile":
    .venv/bin/pytest --cov leafscope.core --cov leafscope.app --cov leafscope.pages --cov-branch --cov-report= --ignore tests/e2e {{options}}
    {{python}} -m tests.tools.coverage

# everything that must hold before a change lands
ci:
    .ci/run

# measure what capacity costs in time on this machine
bench *options:
    .venv/bin/leafscope bench {{options}}

# test and measure everything on a GPU, in at most ten minutes
gpu *options:
    {{python}} -m tests.tools.gpu {{options}}

# count how often `leafscope claims` would claim a difference where there is none
false-alarms *options:
    {{python}} -m tests.tools.false_alarms {{options}}

# draw the pictures of the README anew
pictures:
    {{python}} -m tests.tools.pictures

# train the examples anew that come with the program
examples:
    {{python}} -m tests.tools.examples

# time the frames of the Playground's scene
frames:
    {{python}} -m tests.tools.frames

# time what a person waits for in the app, in a browser
timings:
    {{python}} -m tests.tools.timings

# time Runs and Compare with 10,000 stored runs
large *options:
    {{python}} -m tests.tools.large {{options}}

# time the start of the app beside a Streamlit app of one line, in a fresh browser
start *options:
    {{python}} -m tests.tools.start {{options}}

# time the twelve commonest presses beside a button of a Streamlit app of one line, in a browser
presses *options:
    {{python}} -m tests.tools.presses {{options}}

# time reading a table beside pandas, and its memory
reading:
    {{python}} -m tests.tools.reading

# print the server's memory with one session, with 20, and after 1,000 page loads
memory *options:
    {{python}} -m tests.tools.memory {{options}}

# use the app at random while its worker is killed now and then, print what grew, and run the fuzz tests: 30 minutes or --minutes N
soak *options:
    {{python}} -m tests.tools.soak {{options}}
