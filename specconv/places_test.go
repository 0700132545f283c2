package specconv

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
)

// checkPlaces checks that what each origin of a plan refers to is in the config.
func checkPlaces(t *testing.T, spec *specs.Spec, p *plan.Plan) {
	t.Helper()
	content, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	for _, origin := range origins(p) {
		// A property that isn't in the config, such as linux.rootfsPropagation, has
		// a default.
		if strings.Contains(origin.String(), "[") && !resolves(document, origin.Pointer) {
			t.Errorf("%s of %q isn't in the config", origin.Pointer, origin)
		}
	}
}

func origins(p *plan.Plan) (list []place.Place) {
	for i := range p.Steps {
		if o := p.Steps[i].Origin; !o.IsZero() {
			list = append(list, o)
		}
	}
	for i := range p.Files {
		if o := p.Files[i].Origin; !o.IsZero() {
			list = append(list, o)
		}
	}
	return list
}

func resolves(value any, pointer string) bool {
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch v := value.(type) {
		case map[string]any:
			if value = v[part]; value == nil {
				return false
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return false
			}
			value = v[i]
		default:
			return false
		}
	}
	return true
}
