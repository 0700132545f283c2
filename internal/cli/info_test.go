package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/libcontainer"
)

func TestHostTable(t *testing.T) {
	report := hostReport{Version: "1.2.3", Commit: "abc", Spec: "1.3.0", Root: "/run/runnel", Facts: []libcontainer.HostFact{
		{Area: "kernel", Name: "release", Works: true, Value: "6.1\x1b"},
		{Area: "criu", Name: "version", Value: "no", Hint: "install it"},
	}}
	const want = "" +
		"AREA     NAME         WORKS   VALUE\n" +
		"runnel   version      yes     1.2.3, commit abc, specification 1.3.0\n" +
		"runnel   state root   yes     /run/runnel\n" +
		"kernel   release      yes     6.1?\n" +
		"criu     version      no      no (install it)\n"
	var got strings.Builder
	if err := hostTable(&got, &report); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}
