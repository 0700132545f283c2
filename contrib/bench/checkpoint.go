package main

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkpoints returns the rows about criu(8), which must be in PATH.
func checkpoints(rounds int) []measure {
	return []measure{
		{"checkpoint and restore, 16 MiB in use", movements(rounds, func(took time.Duration, _ int64) float64 {
			return float64(took) / float64(time.Millisecond)
		})},
	}
}

func imageSizes() []measure {
	return []measure{
		{"images of a checkpoint, 16 MiB in use", movements(1, func(_ time.Duration, size int64) float64 {
			return float64(size) / 1024
		})},
	}
}

// movements returns a measure of a container that is checkpointed and restored again and
// again: for each runtime the median of what value makes of the time in which the container
// doesn't run, and the size of its images in bytes. It is NaN for a runtime that can't do it.
func movements(rounds int, value func(took time.Duration, size int64) float64) func([]*container, *bundle) ([]float64, error) {
	return func(runtimes []*container, b *bundle) ([]float64, error) {
		if err := b.write(occupying); err != nil {
			return nil, err
		}
		values := make([][]float64, len(runtimes))
		for i, c := range runtimes {
			if err := c.background(b.dir, c.idOf("m")); err != nil {
				return nil, err
			}
			defer func() { _ = c.destroy(c.idOf("m")) }()
			if _, _, err := c.move(b); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", c.name, err)
				values[i] = []float64{math.NaN()}
			}
		}
		for range rounds {
			for i, c := range runtimes {
				if len(values[i]) == 1 && math.IsNaN(values[i][0]) {
					continue
				}
				took, size, err := c.move(b)
				if err != nil {
					return nil, err
				}
				values[i] = append(values[i], value(took, size))
			}
		}
		var medians []float64
		for _, v := range values {
			medians = append(medians, median(v))
		}
		return medians, nil
	}
}

// occupying keeps 16 MiB in use.
func occupying(c *specs.Spec) {
	c.Process.Args = []string{"busybox", "sh", "-c",
		`x=$(busybox dd if=/dev/zero bs=1M count=16 2>/dev/null | busybox tr '\0' x); while :; do busybox sleep 1000; done`}
}

// move checkpoints and restores the container m.
func (c *container) move(b *bundle) (took time.Duration, size int64, err error) {
	images := filepath.Join(c.root, ".images")
	defer os.RemoveAll(images)
	id := c.idOf("m")
	checkpoint, err := c.command("checkpoint", "--image-path", images, id)
	if err != nil {
		return 0, 0, err
	}
	err = filepath.WalkDir(images, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	file := filepath.Join(c.root, ".pid")
	defer os.Remove(file)
	restore, err := c.command("restore", "--detach", "--image-path", images, "--bundle", b.dir, "--pid-file", file, id)
	if err != nil {
		return 0, 0, err
	}
	pid, err := readPid(file)
	if err == nil {
		go reap(pid)
	}
	return checkpoint + restore, size, err
}
