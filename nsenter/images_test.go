package nsenter

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

// The images of other architectures run under QEMU's user mode emulation, which
// knows no system calls of mounts. So these tests have plans without them.

// emulators are the names of QEMU for the architectures with an image.
var emulators = map[string]string{"amd64": "qemu-x86_64", "arm64": "qemu-aarch64", "riscv64": "qemu-riscv64"}

// imageCommand returns a command that runs the image for arch with an argument.
func imageCommand(t *testing.T, arch, argument string) *exec.Cmd {
	t.Helper()
	content, err := os.ReadFile("child_" + arch + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "child")
	if err := os.WriteFile(image, content, 0o755); err != nil {
		t.Fatal(err)
	}
	if arch == runtime.GOARCH {
		return exec.Command(image, argument)
	}
	for _, suffix := range []string{"-static", ""} {
		if qemu, err := exec.LookPath(emulators[arch] + suffix); err == nil {
			return exec.Command(qemu, image, argument)
		}
	}
	t.Skipf("no %s on this machine", emulators[arch])
	return nil
}

// runImage runs p with the image for arch. It returns the messages, what the
// program printed, and the exit status.
func runImage(t *testing.T, arch string, p *plan.Plan) (messages []Message, output string, status int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := Conversation{fd: pair[0]}
	defer c.Close()
	socket := os.NewFile(uintptr(pair[1]), "socket")
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	encoded, err := p.Encode(4, 3)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "plan")
	if err := os.WriteFile(name, encoded, 0o644); err != nil {
		t.Fatal(err)
	}
	planFile, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer planFile.Close()

	var printed bytes.Buffer
	cmd := imageCommand(t, arch, "5")
	cmd.Stdout = &printed
	cmd.ExtraFiles = []*os.File{socket, null, planFile}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	socket.Close()
	for {
		m, err := c.Next()
		if err != nil {
			break
		}
		messages = append(messages, m)
		if m.Kind == Namespaces {
			if err := c.Go(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return messages, printed.String(), cmd.ProcessState.ExitCode()
}

func eachImage(t *testing.T, test func(t *testing.T, arch string)) {
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		t.Run(arch, func(t *testing.T) { test(t, arch) })
	}
}

func TestImageRunsAPlan(t *testing.T) {
	eachImage(t, func(t *testing.T, arch string) {
		p := &plan.Plan{Files: []plan.File{{Name: "state"}}}
		p.Add(place.Place{}, plan.Umask{Mask: 0o27})
		p.Add(place.Place{}, plan.Rlimit{Resource: unix.RLIMIT_NOFILE, Soft: 77, Hard: 99})
		p.Add(place.Place{}, plan.NoNewPrivileges{})
		p.Add(place.Place{}, plan.Checkpoint{Point: plan.CheckpointNamespaces})
		p.Add(place.Place{}, plan.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "echo from the hook"}, Env: []string{}, State: "state"})
		p.Add(place.Place{}, plan.ResolveExec{Name: "sh", Path: []string{"/nowhere", "/bin"}})
		p.Add(place.Place{}, plan.Created{})
		p.Add(place.Place{}, plan.Exec{Args: []string{"sh", "-c", "umask; ulimit -n; echo $X; exit 5"}, Env: []string{"X=y"}})
		messages, output, status := runImage(t, arch, p)
		if status != 5 || output != "0027\n77\ny\n" {
			t.Errorf("the program printed %q and exited with %d", output, status)
		}
		var got []string
		for _, m := range messages {
			text := fmt.Sprint(m.Kind)
			if m.Output != nil {
				text += fmt.Sprintf(" %d/%d %s", m.Output.Step.Index, m.Output.Step.Total, m.Output.Text)
			}
			if m.Failure != nil {
				text += fmt.Sprintf(" %+v", *m.Failure)
			}
			got = append(got, text)
		}
		want := fmt.Sprintf("%d, %d 4/8 from the hook\n, %d", Namespaces, Output, Created)
		if list := strings.Join(got, ", "); list != want {
			t.Errorf("messages %q, want %q", list, want)
		}
	})
}

func TestImageReportsAFailure(t *testing.T) {
	eachImage(t, func(t *testing.T, arch string) {
		p := &plan.Plan{Files: []plan.File{{Name: "state"}}}
		p.Add(place.Place{}, plan.Checkpoint{Point: plan.CheckpointNamespaces})
		p.Add(place.Place{}, plan.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", "echo why; exit 3"}, Env: []string{}, State: "state"})
		p.Add(place.Place{}, plan.Created{})
		messages, _, status := runImage(t, arch, p)
		if len(messages) != 2 || messages[1].Failure == nil || status != 1 {
			t.Fatalf("messages %+v and status %d, want a failure and 1", messages, status)
		}
		want := Failure{Step: Position{Kind: plan.KindHook, Index: 1, Total: 3}, Part: PartStatus, Status: 3 << 8, Text: "why"}
		if got := *messages[1].Failure; got != want {
			t.Errorf("failure %+v, want %+v", got, want)
		}
	})
}

func TestImageRejectsWhatIsNoPlan(t *testing.T) {
	eachImage(t, func(t *testing.T, arch string) {
		cmd := imageCommand(t, arch, "0")
		cmd.Stdin, _ = os.Open("doc.go")
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != 124 {
			t.Errorf("exit status %d, want 124", got)
		}
	})
}
