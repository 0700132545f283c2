package specconv

import (
	"github.com/runnel/runnel/internal/place"
	"github.com/runnel/runnel/nsenter/plan"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/words"
)

// ruleset plans the rules of Landlock, and reports whether there are any. The process still
// has the privileges of root in the container then, so that all of the paths can be opened,
// whoever its user is. They are enforced when the user and its capabilities are set.
func (b *builder) ruleset() bool {
	wanted := config.LandlockOf(b.spec.Annotations)
	if wanted == nil {
		return false
	}
	l, _ := wanted.On(b.host.Landlock)
	if l.Files == 0 && l.Ports == 0 && l.Scopes == 0 {
		return false
	}
	b.add(place.At("/annotations"), plan.Landlock{Files: l.Files, Ports: l.Ports, Scopes: l.Scopes})
	for _, p := range l.Paths {
		b.add(p.Place, plan.LandlockPath{Path: p.Path, Access: p.Access, Optional: p.IsOptional})
	}
	if access := l.Files & (words.LandlockReads | words.LandlockExecutes); b.hasTools && access != 0 {
		b.addOwn(plan.LandlockPath{Path: plan.ToolsDir, Access: access})
	}
	for _, p := range l.TCP {
		b.add(p.Place, plan.LandlockPort{Port: uint32(p.Port), Access: p.Access})
	}
	return true
}
