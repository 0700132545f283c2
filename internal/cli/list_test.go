package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/runnel/runnel/libcontainer"
)

func TestListTable(t *testing.T) {
	views := []libcontainer.View{
		{ID: "one", Pid: 1234, Status: "running", Bundle: "/b", Created: time.Date(2026, 1, 2, 3, 4, 5, 600000000, time.UTC), Owner: "root"},
		{ID: "a-container-with-a-long-id", Status: "stopped", Bundle: "/srv/bundles/two", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Owner: "#1000"},
	}
	const want = "" +
		"ID                           PID         STATUS      BUNDLE             CREATED                  OWNER\n" +
		"one                          1234        running     /b                 2026-01-02T03:04:05.6Z   root\n" +
		"a-container-with-a-long-id   0           stopped     /srv/bundles/two   2026-01-02T03:04:05Z     #1000\n"
	var got strings.Builder
	if err := listTable(&got, views); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
	if got := idLines(views); got != "one\na-container-with-a-long-id\n" {
		t.Errorf("idLines = %q", got)
	}
}
