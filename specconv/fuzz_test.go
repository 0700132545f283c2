package specconv

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/runnel/runnel/cgroups/mode"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/internal/configtest"
)

// FuzzCreate checks that no config makes the planner panic, and that whatever passes
// validation is planned for create and exec, and accepted by the child's decoder.
func FuzzCreate(f *testing.F) {
	for _, tt := range planCases() {
		data, err := json.Marshal(tt.spec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, tt.host.EUID, tt.host.Cgroups == mode.V2)
	}
	for _, data := range configtest.Seeds(f) {
		f.Add(data, uint32(0), true)
	}
	check := planChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, euid uint32, v2 bool) {
		spec, _, err := config.Decode(data)
		if err != nil {
			return
		}
		on := configtest.Root(mode.Hybrid)
		on.EUID = euid
		if v2 {
			on.Cgroups = mode.V2
		}
		problems := config.Validate(spec, on)
		if config.FirstError(problems) != nil {
			return
		}
		p, err := Create(Input{Spec: spec, Host: on, Bundle: "/b", Rootfs: "/b/r", Cgroups: v1Hierarchies, Seccomp: &Seccomp{}})
		if err != nil {
			t.Fatalf("Create = %v for a config without errors", err)
		}
		check(t, encode(t, p))
		if spec.Process == nil {
			return
		}
		p, err = Exec(ExecInput{Spec: spec, Process: spec.Process, Host: on})
		if err != nil {
			t.Fatalf("Exec = %v for a config without errors", err)
		}
		check(t, encode(t, p))
	})
}

// FuzzProcess checks the same of process.json, the file of `exec --process`.
func FuzzProcess(f *testing.F) {
	for _, tt := range planCases() {
		if tt.spec.Process == nil {
			continue
		}
		data, err := json.Marshal(tt.spec.Process)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, tt.host.EUID, true)
	}
	check := planChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, euid uint32, userNS bool) {
		process, _, err := config.DecodeProcess("process.json", data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("DecodeProcess(%q) accepts what isn't JSON", data)
		}
		on := configtest.Root(mode.V2)
		on.EUID = euid
		spec := config.Example(userNS, 0, 0, true)
		if config.FirstError(config.ValidateProcess(process, spec, on)) != nil {
			return
		}
		p, err := Exec(ExecInput{Spec: spec, Process: process, Host: on})
		if err != nil {
			t.Fatalf("Exec = %v for a process without errors", err)
		}
		check(t, encode(t, p))
	})
}

func encode(t *testing.T, p *plan.Plan) []byte {
	encoded, err := p.Encode(3, 4)
	if err != nil && !strings.Contains(err.Error(), "NUL byte") {
		t.Errorf("Encode = %v", err)
	}
	return encoded
}

// planChecker returns a function that passes an encoded plan to the child's decoder: the
// program tests/fuzz/decode, compiled with sanitizers, that PLAN_CHECKER names. Without
// it nothing is checked.
func planChecker(f *testing.F) func(t *testing.T, encoded []byte) {
	name := os.Getenv("PLAN_CHECKER")
	if name == "" {
		return func(*testing.T, []byte) {}
	}
	checker := exec.Command(name, "-")
	checker.Stderr = os.Stderr
	in, err := checker.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	out, err := checker.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := checker.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		in.Close()
		if err := checker.Wait(); err != nil {
			f.Errorf("%s: %v", name, err)
		}
	})
	return func(t *testing.T, encoded []byte) {
		if encoded == nil {
			return
		}
		message := binary.LittleEndian.AppendUint64(nil, uint64(len(encoded)))
		if _, err := in.Write(append(message, encoded...)); err != nil {
			t.Fatalf("the child's decoder has ended: %v", err)
		}
		var verdict [1]byte
		if _, err := io.ReadFull(out, verdict[:]); err != nil {
			t.Fatalf("the child's decoder has ended: %v", err)
		}
		if verdict[0] != 1 {
			t.Errorf("the child's decoder refuses the plan")
		}
	}
}
