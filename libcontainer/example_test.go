package libcontainer_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/runnel/runnel/libcontainer"
)

// TestMain skips the examples if they can't run.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := exec.LookPath("busybox"); err != nil || os.Geteuid() != 0 {
		fmt.Println("The examples are skipped: they need root, and busybox for a rootfs.")
		if err := flag.Set("test.skip", "^Example"); err != nil {
			log.Fatal(err)
		}
	}
	os.Exit(m.Run())
}

// newBundle creates a bundle whose process is busybox with these arguments, and a state
// root beside it, in a temporary directory that the caller removes.
func newBundle(args ...string) (dir string) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		log.Fatal(err)
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "rootfs", "bin"), 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rootfs", "bin", "busybox"), program, 0o755); err != nil {
		log.Fatal(err)
	}
	spec := libcontainer.Example(false)
	spec.Process.Terminal = false
	spec.Process.Args = append([]string{"busybox"}, args...)
	writeConfig(dir, spec)
	return dir
}

func writeConfig(dir string, spec *specs.Spec) {
	config, err := json.Marshal(spec)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600); err != nil {
		log.Fatal(err)
	}
}

// A container that runs in the foreground of its caller.
func ExampleRuntime_Run() {
	dir := newBundle("sh", "-c", "echo hello from pid $$; exit 3")
	defer os.RemoveAll(dir)

	ctx := context.Background()
	runtime := &libcontainer.Runtime{Root: filepath.Join(dir, "state")}
	process, err := runtime.Run(ctx, libcontainer.RunOptions{
		CreateOptions: libcontainer.CreateOptions{
			ID: "example", Bundle: dir, Stdio: libcontainer.Stdio{Out: os.Stdout, Err: os.Stderr},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer process.Close()
	status, err := process.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("exit status", status.Code)
	if err := process.Container().Delete(false); err != nil {
		log.Fatal(err)
	}
	// Output:
	// hello from pid 1
	// exit status 3
}

// A container from create to delete, with a second process in it.
func ExampleRuntime_Create() {
	dir := newBundle("sleep", "1000")
	defer os.RemoveAll(dir)

	ctx := context.Background()
	runtime := &libcontainer.Runtime{Root: filepath.Join(dir, "state")}
	init, err := runtime.Create(ctx, libcontainer.CreateOptions{ID: "example", Bundle: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer init.Close()
	container := init.Container()
	show := func() {
		status, err := container.Status()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(status)
	}
	show()

	if err := container.Start(ctx, ""); err != nil {
		log.Fatal(err)
	}
	show()

	process, err := container.Exec(ctx, libcontainer.ExecOptions{
		Override: libcontainer.ProcessOverride{Args: []string{"busybox", "hostname"}},
		Stdio:    libcontainer.Stdio{Out: os.Stdout},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer process.Close()
	if _, err := process.Wait(ctx); err != nil {
		log.Fatal(err)
	}

	if err := init.Signal(unix.SIGKILL); err != nil {
		log.Fatal(err)
	}
	status, err := init.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ended by", status.Signal)
	show()
	if err := container.Delete(false); err != nil {
		log.Fatal(err)
	}
	_, err = runtime.Open("example")
	fmt.Println(errors.Is(err, libcontainer.ErrNotExist))
	// Output:
	// created
	// running
	// runnel
	// ended by killed
	// stopped
	// true
}

// A process with a terminal, whose master the caller keeps.
func ExampleProcess_Resize() {
	dir := newBundle("sleep", "1000")
	defer os.RemoveAll(dir)

	ctx := context.Background()
	runtime := &libcontainer.Runtime{Root: filepath.Join(dir, "state")}
	init, err := runtime.Run(ctx, libcontainer.RunOptions{
		CreateOptions: libcontainer.CreateOptions{ID: "example", Bundle: dir},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer init.Close()
	defer func() { _ = init.Container().Delete(true) }()

	shell, err := init.Container().Exec(ctx, libcontainer.ExecOptions{
		Override: libcontainer.ProcessOverride{Args: []string{"busybox", "sh", "-c", "read line; busybox stty size"}, TTY: true},
		Stdio:    libcontainer.Stdio{KeepTerminal: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer shell.Close()
	if err := shell.Resize(40, 132); err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(shell.Terminal(), "go")
	output := make([]byte, 64)
	var text string
	for {
		n, err := shell.Terminal().Read(output)
		if err != nil { // EIO: no process has the terminal open any more
			break
		}
		text += string(output[:n])
	}
	fmt.Printf("%q\n", text)
	if _, err := shell.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// "go\n40 132\n"
}

// A context with a deadline ends a create that hangs, here in a hook, and undoes it.
func ExampleRuntime_Create_context() {
	dir := newBundle("true")
	defer os.RemoveAll(dir)
	spec := libcontainer.Example(false)
	spec.Process.Terminal = false
	spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "1000"}}}}
	writeConfig(dir, spec)

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	runtime := &libcontainer.Runtime{Root: filepath.Join(dir, "state")}
	_, err := runtime.Create(ctx, libcontainer.CreateOptions{ID: "example", Bundle: dir})
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	_, err = runtime.Open("example")
	fmt.Println(errors.Is(err, libcontainer.ErrNotExist))
	// Output:
	// true
	// true
}
