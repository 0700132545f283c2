package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/libcontainer"
)

func TestViewJSON(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)
	views := []libcontainer.View{
		{},
		{OCIVersion: "1.3.0", ID: "c", Pid: 1234, Status: "running", Bundle: "/b", Rootfs: "/b/rootfs", Created: created, Owner: "#5"},
		{
			ID: "quoted", Pid: -1, Bundle: "/a\"b\\c\n\t\x01", Created: created.Truncate(time.Second),
			Annotations: map[string]string{"z": "<&>", "a": "", "m\u2028": "ä \xff \U0001f40b"},
		},
	}
	for i := range views {
		want, err := json.MarshalIndent(&views[i], "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), viewJSON(&views[i])); diff != "" {
			t.Error(diff)
		}
	}
	want, err := json.Marshal(views)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want)+"\n", viewsJSON(views)); diff != "" {
		t.Error(diff)
	}
	if got := viewsJSON(nil); got != "[]\n" {
		t.Errorf("viewsJSON(nil) = %q", got)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\x00\x1f\"\\\u2029\ufffd\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, text string) {
		want, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		got := string(appendString(nil, text))
		// A replacement character that was in the text stays as it is there.
		if strings.ReplaceAll(got, `\ufffd`, "\ufffd") != strings.ReplaceAll(string(want), `\ufffd`, "\ufffd") {
			t.Errorf("appendString(%q) = %s, want %s", text, got, want)
		}
	})
}
