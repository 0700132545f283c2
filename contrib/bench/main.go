// Command bench times runnel beside the runc and crun found on the machine and
// prints a Markdown table: `make bench`.
//
// The runtimes take turns, A B C, B C A, …, on the same bundle, the same mount
// table and state roots of their own, so that the machine's moods hit them alike;
// what counts are the ratios of the medians. The counts of syscalls and processes
// hardly depend on the machine at all.
//
// Environment: RUNNEL, RUNC and CRUN are paths; the defaults are ./runnel and what
// PATH has. A peer that isn't there is left out; RUNC= or CRUN= leaves it out too.
// It needs root and busybox (static); the counts need strace, the memory GNU time.
//
// crun refuses hosts with both cgroup versions, so the bench runs in a private
// mount namespace without /sys/fs/cgroup/unified.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	rounds := flag.Int("rounds", 40, "how often each runtime is timed in each row")
	only := flag.String("only", "", "only the rows whose name contains this")
	inside := flag.Bool("inside", false, "the private mount namespace is already there")
	flag.Parse()
	if err := run(*rounds, *only, *inside); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(rounds int, only string, inside bool) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("needs root")
	}
	if rounds < 1 {
		return fmt.Errorf("-rounds must be at least 1")
	}
	if !inside {
		return reenter()
	}
	if err := hideUnified(); err != nil {
		return err
	}
	if err := becomeSubreaper(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "runnel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	runtimes, err := findRuntimes(dir)
	if err != nil {
		return err
	}
	defer destroyAll(runtimes)
	bundle, err := newBundle(dir)
	if err != nil {
		return err
	}
	printHead(os.Stdout, runtimes)
	for _, group := range groups(rounds) {
		if err := printGroup(group, only, runtimes, bundle); err != nil {
			return err
		}
	}
	return nil
}

func printGroup(g group, only string, runtimes []*container, bundle *bundle) error {
	var rows []row
	for _, m := range g.measures {
		if !strings.Contains(m.name, only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s …\n", m.name)
		values, err := m.take(runtimes, bundle)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		rows = append(rows, row{m.name, values})
	}
	if len(rows) > 0 {
		printTable(os.Stdout, g, runtimes, rows)
	}
	return nil
}
