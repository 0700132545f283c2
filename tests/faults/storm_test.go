//go:build faults && linux && amd64

package faults

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	sharedIDs = 4   // containers that the workers share
	workers   = 8   // at once
	perRound  = 400 // commands, after which everything is deleted and nothing may be left
	parallel  = 50  // containers that exist at once, in TestParallel
)

// TestStorm runs random commands on a few ids from several workers, sometimes the same command
// twice at once, and kills some of them. It goes on for MINUTES, by default half a minute,
// and writes down what the host holds.
func TestStorm(t *testing.T) {
	b := setUp(t)
	for i := range sharedIDs {
		b.bundle(t, strconv.Itoa(i), fmt.Sprintf("%s-%d", b.cgroup, i), `"sleep", "1000"`)
		b.bundle(t, fmt.Sprintf("short%d", i), fmt.Sprintf("%s-%d", b.cgroup, i), `"true"`)
	}
	until := time.Now().Add(duration(t))
	var total counts
	before := measure()
	for round := 0; time.Now().Before(until) && !t.Failed(); round++ {
		var all sync.WaitGroup
		results := make([]counts, workers)
		for i := range results {
			all.Go(func() {
				for range perRound / workers {
					results[i].step(t, b)
				}
			})
		}
		// A create or start waits for a container that was paused under its hands.
		ended := make(chan struct{})
		var resuming sync.WaitGroup
		resuming.Go(func() { resume(b, ended) })
		all.Wait()
		close(ended)
		resuming.Wait()
		for _, one := range results {
			total.commands += one.commands
			total.killed += one.killed
			total.failed += one.failed
		}
		for i := range sharedIDs {
			if _, err := b.run([]string{"delete", "--force", strconv.Itoa(i)}); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
		if left := b.settled(); left != nil {
			t.Fatalf("round %d: left after delete --force: %v", round, left)
		}
	}
	t.Logf("%d commands, of which %d were killed and %d failed", total.commands, total.killed, total.failed)
	t.Logf("before: %v", before)
	t.Logf("after:  %v", measure())
}

// resume resumes the containers every second until the workers have ended.
func resume(b *bench, ended chan struct{}) {
	for {
		select {
		case <-ended:
			return
		case <-time.After(time.Second):
			for i := range sharedIDs {
				_, _ = b.run([]string{"resume", strconv.Itoa(i)})
			}
		}
	}
}

// TestParallel creates, uses and deletes many containers at once.
func TestParallel(t *testing.T) {
	b := setUp(t)
	var all sync.WaitGroup
	for i := range parallel {
		id := strconv.Itoa(i)
		b.bundle(t, id, b.cgroup+"-"+id, `"sleep", "1000"`)
		all.Go(func() {
			for _, command := range [][]string{
				{"create", "--bundle", id, id}, {"start", id}, {"exec", id, "/bin/true"}, {"state", id}, {"kill", id, "KILL"},
				{"delete", id},
			} {
				if _, err := b.run(command); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if left := b.settled(); left != nil {
		t.Errorf("left: %v", left)
	}
}

// TestLifecycles runs one container after the other for MINUTES, by default half a minute.
func TestLifecycles(t *testing.T) {
	b := setUp(t)
	b.bundle(t, "short", b.cgroup, `"true"`)
	before, count := measure(), 0
	for until := time.Now().Add(duration(t)); time.Now().Before(until); count++ {
		if _, err := b.run([]string{"run", "--bundle", "short", id}); err != nil {
			t.Fatalf("run number %d: %v", count, err)
		}
	}
	if left := b.settled(); left != nil {
		t.Errorf("left: %v", left)
	}
	t.Logf("%d containers", count)
	t.Logf("before: %v", before)
	t.Logf("after:  %v", measure())
}

func duration(t *testing.T) time.Duration {
	t.Helper()
	value := os.Getenv("MINUTES")
	if value == "" {
		return 30 * time.Second
	}
	minutes, err := strconv.ParseFloat(value, 64)
	if err != nil {
		t.Fatalf("MINUTES: %v", err)
	}
	return time.Duration(minutes * float64(time.Minute))
}

// counts are numbers of commands.
type counts struct {
	commands, killed, failed int
}

// step runs a random command on a random id, or the same one twice at once.
func (c *counts) step(t *testing.T, b *bench) {
	n := strconv.Itoa(rand.IntN(sharedIDs))
	commands := [][]string{
		{"create", "--bundle", n, n},
		{"create", "--bundle", n, n},
		{"start", n},
		{"start", n},
		{"run", "--detach", "--bundle", n, n},
		{"run", "--bundle", "short" + n, n},
		{"exec", n, "/bin/true"},
		{"exec", "--detach", n, "/bin/sleep", "1000"},
		{"kill", n, "KILL"},
		{"kill", n, "TERM"},
		{"pause", n},
		{"resume", n},
		{"resume", n},
		{"update", "--pids-limit", "50", n},
		{"state", n},
		{"list"},
		{"ps", n},
		{"events", "--stats", n},
		{"delete", n},
		{"delete", "--force", n},
		{"delete", "--force", n},
	}
	command := commands[rand.IntN(len(commands))]
	var after time.Duration
	if rand.IntN(3) == 0 {
		after = time.Duration(1+rand.IntN(15000)) * time.Microsecond
	}
	var twin sync.WaitGroup
	var other counts
	if rand.IntN(8) == 0 {
		twin.Go(func() { other.command(t, b, command, 0) })
	}
	c.command(t, b, command, after)
	twin.Wait()
	c.commands += other.commands
	c.failed += other.failed
}

// command runs a command, and kills it after a time unless that is 0.
func (c *counts) command(t *testing.T, b *bench, command []string, after time.Duration) {
	c.commands++
	ctx, cancel := context.WithTimeout(context.Background(), 2*timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.runtime)
	cmd.Args = b.argv(command)
	output, err := os.CreateTemp(b.dir, "output")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.Remove(output.Name())
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	if after != 0 {
		c.killed++
		defer time.AfterFunc(after, func() { _ = cmd.Process.Signal(unix.SIGKILL) }).Stop()
	}
	err = cmd.Wait()
	said, _ := os.ReadFile(output.Name())
	line := strings.Join(command, " ")
	switch {
	case ctx.Err() != nil:
		t.Errorf("%s hangs: %s", line, said)
	case bytes.Contains(said, []byte("goroutine ")):
		t.Errorf("%s: %s", line, said)
	case err != nil && after == 0:
		c.failed++
		// A container's program may have been killed.
		if len(said) == 0 && cmd.ProcessState.ExitCode() != 128+int(unix.SIGKILL) {
			t.Errorf("%s: %v without a word", line, err)
		}
	}
}

// A measurement is what the host holds.
type measurement struct {
	memoryKiB, slabKiB, files, cgroups, mounts, processes int
}

func (m measurement) String() string {
	return fmt.Sprintf("memory in use %d KiB, of it slab %d KiB; %d open files, %d cgroups, %d mounts, %d processes",
		m.memoryKiB, m.slabKiB, m.files, m.cgroups, m.mounts, m.processes)
}

func measure() measurement {
	fields := func(path string, column int) []string {
		var values []string
		content, _ := os.ReadFile(path)
		for line := range strings.Lines(string(content)) {
			if words := strings.Fields(line); len(words) > column && !strings.HasPrefix(line, "#") {
				values = append(values, words[column])
			}
		}
		return values
	}
	number := func(text string) int {
		n, _ := strconv.Atoi(text)
		return n
	}
	var m measurement
	names, sizes := fields("/proc/meminfo", 0), fields("/proc/meminfo", 1)
	for i, name := range names {
		switch name {
		case "MemTotal:":
			m.memoryKiB += number(sizes[i])
		case "MemAvailable:":
			m.memoryKiB -= number(sizes[i])
		case "Slab:":
			m.slabKiB = number(sizes[i])
		}
	}
	for _, count := range fields("/proc/cgroups", 2) {
		m.cgroups += number(count)
	}
	if counts := fields("/proc/sys/fs/file-nr", 0); len(counts) == 1 {
		m.files = number(counts[0])
	}
	m.mounts = len(fields("/proc/self/mountinfo", 0))
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if number(entry.Name()) != 0 {
			m.processes++
		}
	}
	return m
}
