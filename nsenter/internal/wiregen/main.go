// Command wiregen generates what the parent's Go and the child's C share: the ops
// of a plan, its header, and the messages of the conversation. `go generate` runs
// it. Its input is Go:
//
//	nsenter/plan/ops.go     the table of ops
//	nsenter/plan/encode.go  type header
//	nsenter/message.go      types message, MessageKind and Part, with their constants
//
// and its output:
//
//	nsenter/child/wire.h        all of it, for C
//	nsenter/plan/ops_gen.go     kinds, and the methods that visit the fields of ops
//	nsenter/message_gen.go      encoding of messages
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "wiregen:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// moduleRoot returns the directory of go.mod.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// generate returns the content of the generated files, by their path below root.
func generate(root string) (map[string][]byte, error) {
	t, err := parse(filepath.Join(root, "nsenter"))
	if err != nil {
		return nil, err
	}
	ops, err := opsGo(t)
	if err != nil {
		return nil, err
	}
	messages, err := messagesGo(t)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"nsenter/child/wire.h":    wireHeader(t),
		"nsenter/plan/ops_gen.go": ops,
		"nsenter/message_gen.go":  messages,
	}, nil
}
