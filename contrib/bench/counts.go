package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// counts returns the rows with the numbers of system calls of `run`, including those of
// the container's process. They are NaN without strace.
func counts() []measure {
	return []measure{
		{"syscalls", traced("total")},
		{"clone, threads too", traced("clone", "clone3", "fork", "vfork")},
		{"execve", traced("execve", "execveat")},
	}
}

// traced adds up the given lines of strace's summary. It returns the least of three
// runs, the one with the fewest wake-ups of idle threads.
func traced(names ...string) func([]*container, *bundle) ([]float64, error) {
	return func(runtimes []*container, b *bundle) (values []float64, err error) {
		if err := b.write(); err != nil {
			return nil, err
		}
		for _, c := range runtimes {
			least := math.NaN()
			for range 3 {
				n, err := traceOnce(c, b, names)
				if err != nil {
					return nil, err
				}
				if !(n >= least) {
					least = n
				}
			}
			values = append(values, least)
		}
		return values, nil
	}
}

func traceOnce(c *container, b *bundle, names []string) (float64, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return math.NaN(), nil
	}
	summary := filepath.Join(c.root, ".strace")
	defer os.Remove(summary)
	_, err = timed(strace, "-f", "-c", "-qq", "-o", summary, c.path, "--root", c.root, "run", "--bundle", b.dir, "s")
	if err != nil {
		return 0, err
	}
	return sumCalls(summary, names)
}

// sumCalls adds up the column "calls" of a summary: "% time, seconds, usecs/call,
// calls, errors (or nothing), syscall".
func sumCalls(file string, names []string) (float64, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var sum float64
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		for _, name := range names {
			if fields[len(fields)-1] != name {
				continue
			}
			n, err := strconv.ParseFloat(fields[3], 64)
			if err != nil {
				return 0, fmt.Errorf("strace's summary: %q", lines.Text())
			}
			sum += n
		}
	}
	return sum, lines.Err()
}
