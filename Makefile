# Two commands: `make run` sets everything up and shows an answer; `make test` sets up the tests and passes them.
# MODEL=smollm2-135m takes the small model. PORT=… another port.

MODEL ?= qwen2.5-coder-1.5b
PORT ?= 8080
SHELL := /bin/bash
CARGO ?= cargo
TARGET ?= $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

.PHONY: run build test test-page fmt lint doc unit deny openapi check-guidance

run:
	@deploy/setup.sh build
	$(CARGO) build --release
	@MODEL=$(MODEL) PORT=$(PORT) BINARY=$(TARGET)/release/chartlight deploy/run.sh

build:
	@deploy/setup.sh build
	$(CARGO) build --release

# Everything that must hold before a change lands.
test:
	@deploy/setup.sh test
	$(MAKE) fmt lint doc unit check-guidance deny

fmt:
	$(CARGO) fmt --check

lint:
	$(CARGO) clippy --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --locked --document-private-items

# The small real model for the golden runs is fetched once into target/models.
unit:
	$(CARGO) build --locked
	CHARTLIGHT_DATA_DIR=$(TARGET)/test-data $(TARGET)/debug/chartlight model fetch smollm2-135m
	CHARTLIGHT_TEST_MODEL=$(abspath $(TARGET))/test-data/models/smollm2-135m.gguf $(CARGO) test --locked

check-guidance:
	CHARTLIGHT_DATA_DIR=$(TARGET)/test-data $(TARGET)/debug/chartlight guidance check

deny:
	@deploy/deny.sh $(TARGET)/tools

# The patient page in a real browser (Chromium) against a real server, with axe-core.
test-page:
	@deploy/setup.sh page
	$(CARGO) build --release
	@BINARY=$(TARGET)/release/chartlight deploy/test-page.sh

# Renews the committed OpenAPI document after a change of the API.
openapi:
	$(CARGO) run --quiet -- openapi > tests/openapi.json
