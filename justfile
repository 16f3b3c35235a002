# The project's commands by short names. Each is one call; `just` alone lists them.

_list:
    @just --list

# Start the server; without settings it uses a SQLite file
run *args:
    cargo run --package core-api -- {{ args }}

# Run every test against a PostgreSQL and a Redis made for the run
test *args:
    cargo xtask test -- {{ args }}

# Run every check that a change must pass
ci:
    cargo xtask ci

# Fuzz the HTTP interface from its OpenAPI document
fuzz:
    cargo xtask fuzz

# Measure throughput and latency
bench *args:
    cargo xtask bench {{ args }}

# Format the sources
fmt:
    cargo fmt --all

# Lint as the checks do
clippy:
    cargo clippy --workspace --all-targets --locked -- --deny=warnings

# Make the crates' documentation and open it
docs:
    cargo doc --workspace --no-deps --open
