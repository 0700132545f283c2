package plan

// Summary names the step in a few words: its kind, and the path or name that it is about.
// It has no arguments and no environment of a program.
func (s *Step) Summary() string {
	name := s.Op.Kind().String()
	if about := about(s.Op); about != "" {
		name += " " + about
	}
	return name
}

func about(op Op) string {
	switch o := op.(type) {
	case Mount:
		return o.FSType + " " + o.Target
	case Bind:
		return o.Target
	case Root:
		return o.Path
	case Directory:
		return o.Path
	case Device:
		return o.Path
	case Symlink:
		return o.Path
	case Attributes:
		return o.Path
	case MakeReadonly:
		return o.Target
	case Mask:
		return o.Path
	case Readonly:
		return o.Path
	case Sysctl:
		return o.Path
	case Hook:
		return o.Path
	case Hostname:
		return o.Name
	case Chdir:
		return o.Path
	case Join:
		return bitString(o.Type, cloneNames)
	case Unshare:
		return bitString(o.Flags, cloneNames)
	}
	return ""
}
