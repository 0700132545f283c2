// Command bench compares runnel with the runc and crun that are installed, and prints a
// Markdown table: `make bench`.
//
// The runtimes take turns, A B C, B C A, …, with the same bundle and the same mount
// table and separate state roots, so that variations of the machine's speed affect all
// of them. Compare the ratios of the medians; the counts of system calls and processes
// hardly depend on the machine.
//
// Environment: RUNNEL, RUNC and CRUN are paths; the defaults are ./runnel, and runc and
// crun in PATH. A peer that doesn't exist is left out, as is one whose variable is
// empty. The program requires root and a static busybox; the counts require strace, the
// memory GNU time.
//
// crun refuses hosts with both cgroup versions, so the bench runs in a mount namespace
// of its own without /sys/fs/cgroup/unified.
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
