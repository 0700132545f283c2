package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func memories() []measure {
	return []measure{
		{"peak RSS of the largest process, `run` of `true`", peakRSS},
		{"smallest memory limit for `true`", smallestLimit},
	}
}

// peakRSS returns the largest maxrss of the runtime and its children, wait4(2). It is
// measured by GNU time, because a process inherits across exec the maxrss of the
// process that forked it, and this program is larger than the runtimes. It is NaN
// without GNU time.
func peakRSS(runtimes []*container, b *bundle) (values []float64, err error) {
	if err := b.write(); err != nil {
		return nil, err
	}
	gnuTime, missing := exec.LookPath("time")
	for _, c := range runtimes {
		if missing != nil {
			values = append(values, math.NaN())
			continue
		}
		answer := filepath.Join(c.root, ".maxrss")
		_, err := timed(gnuTime, "-f", "%M", "-o", answer, c.path, "--root", c.root, "run", "--bundle", b.dir, "m")
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(answer)
		if err != nil {
			return nil, err
		}
		os.Remove(answer)
		kib, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
		if err != nil {
			return nil, fmt.Errorf("time's answer %q: %w", text, err)
		}
		values = append(values, kib)
	}
	return values, nil
}

// The search for the limit goes in steps of limitStep, up to limitMost (KiB).
const (
	limitStep = 32
	limitMost = 16 << 10
)

// smallestLimit returns the smallest memory.limit with which `true` succeeds, in KiB.
func smallestLimit(runtimes []*container, b *bundle) (values []float64, err error) {
	for _, c := range runtimes {
		low, high := 0, limitMost/limitStep // low fails, high succeeds
		works, err := startsWithin(c, b, high*limitStep)
		if err != nil {
			return nil, err
		}
		if !works {
			return nil, fmt.Errorf("%s doesn't run `true` within %d KiB", c.name, limitMost)
		}
		for high-low > 1 {
			middle := (low + high) / 2
			works, err := startsWithin(c, b, middle*limitStep)
			if err != nil {
				return nil, err
			}
			if works {
				high = middle
			} else {
				low = middle
			}
		}
		values = append(values, float64(high*limitStep))
	}
	return values, nil
}

// startsWithin reports whether `true` succeeds three times in a row: near the limit it
// does only sometimes.
func startsWithin(c *container, b *bundle, kib int) (bool, error) {
	if err := b.write(memoryLimit(int64(kib) << 10)); err != nil {
		return false, err
	}
	for range 3 {
		if _, err := c.command("run", "--bundle", b.dir, "l"); err != nil {
			// Remove what is left of a container whose init was killed early.
			_ = c.destroy("l")
			return false, nil
		}
	}
	return true, nil
}
