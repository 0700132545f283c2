package seccomp

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestHandOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	agent, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	listener, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	defer theirs.Close()
	state := &specs.ContainerProcessState{
		Version: specs.Version, Pid: 4422, Metadata: "opaque",
		State: specs.State{
			Version: specs.Version, ID: "c1", Status: specs.StateCreating, Pid: 4422, Bundle: "/b",
			Annotations: map[string]string{"large": strings.Repeat("x", 100_000)},
		},
	}
	sent := make(chan error, 1)
	go func() { sent <- HandOver(path, state, int(theirs.Fd())) }()

	conn, err := agent.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	payload, oob := make([]byte, 1<<20), make([]byte, 1024)
	n, oobn, _, _, err := conn.ReadMsgUnix(payload, oob)
	if err != nil {
		t.Fatal(err)
	}
	// A stream gives a large message in parts; the descriptor is in the first.
	for {
		more, err := conn.Read(payload[n:])
		n += more
		if err != nil {
			break // closed: one state per connection
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}

	want := *state
	want.Fds = []string{"seccompFd"}
	var got specs.ContainerProcessState
	if err := json.Unmarshal(payload[:n], &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state: (-want +got)\n%s", diff)
	}
	if state.Fds != nil {
		t.Errorf("the caller's state was changed: %q", state.Fds)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d control messages, %v", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("descriptors = %v, %v", fds, err)
	}
	received := os.NewFile(uintptr(fds[0]), "received")
	defer received.Close()
	if _, err := received.WriteString("!"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := listener.Read(b); err != nil || b[0] != '!' {
		t.Errorf("the descriptor is not the one that was sent: %q, %v", b, err)
	}
}

func TestHandOverErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, strings.Repeat("x", 120))
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "(linux.seccomp.listenerPath): no such file or directory",
		file:                       "(linux.seccomp.listenerPath): connection refused",
		long:                       "a socket's path has at most 107 bytes",
	} {
		err := HandOver(path, &specs.ContainerProcessState{}, 0)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "connect to the seccomp agent at "+path) {
			t.Errorf("HandOver(%s) = %v, want %q", path, err, want)
		}
	}
}
