# Targets a person needs. CI runs .ci/run, which calls the same ones.

GO          ?= go
GOFUMPT      = mvdan.cc/gofumpt@v0.12.0
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 1m

# A module of its own, whose dependencies stay out of the product's: it compares
# our rules with the real Kubernetes libraries.
ORACLE = scanner/kubelet/oracle

.PHONY: build man demo test cross lint bench microbench fuzz cover clean

build: ## the program, ./kletscan
	CGO_ENABLED=0 $(GO) build -trimpath -o kletscan .

man: build ## the manual page, ./kletscan.1
	./kletscan man >kletscan.1

demo: build ## scan a fleet in a box; exits 0 if the scan ended as documented, with 3: some nodes are off
	@./kletscan demo; code=$$?; if [ $$code -eq 3 ]; then \
		echo "(exit status 3, as documented: at least one node is off or invalid)"; else exit $$code; fi

# The race detector needs a C compiler. Without one the tests still run.
RACE := $(if $(shell command -v gcc || command -v clang),-race)

test: ## all tests, with the race detector where there is a C compiler
	$(if $(RACE),,@echo "no C compiler: testing without the race detector")
	$(GO) test $(RACE) -timeout 18m ./...
	cd $(ORACLE) && $(GO) test ./...

cross: ## that it builds for the other systems that operators use
	for os in windows darwin; do CGO_ENABLED=0 GOOS=$$os $(GO) build -o /dev/null . || exit 1; done

lint: ## format, vet for each system that kletscan runs on, staticcheck
	@out=$$($(GO) run $(GOFUMPT) -l .) && test -z "$$out" || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	cd $(ORACLE) && $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# Needs Linux and up to half an hour of a machine with nothing else to do. PARTS=cpu,peers: just these.
bench: ## a scan against its floor and against other tools, on a fleet of its own: docs/bench.*
	$(GO) run ./fixtures/bench run $(if $(PARTS),-only $(PARTS),-out docs)

microbench: ## the benchmarks of the packages
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## each fuzz target for FUZZTIME
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

cover: ## test coverage, cover.html
	$(GO) test -coverprofile cover.out -coverpkg ./... ./...
	$(GO) tool cover -html cover.out -o cover.html

clean:
	rm -f kletscan kletscan.1 cover.out cover.html
