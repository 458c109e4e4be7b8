package cosql

import (
	"strings"
	"unicode/utf8"
)

// likeMatch matches %, _, [set] and [^set]. It goes back to the last % only, which is enough: what an earlier one could
// take instead, the last one can take too.
func likeMatch(s, pattern, escape string) bool {
	var retry, rest string // where the last % stands to take one more character
	again := false
	for s != "" || pattern != "" {
		if strings.HasPrefix(pattern, "%") && !(escape == "%" && len(pattern) > 1) {
			pattern = pattern[1:]
			retry, rest, again = s, pattern, true
			continue
		}
		size, used := likeOne(s, pattern, escape)
		if used > 0 {
			s, pattern = s[size:], pattern[used:]
			continue
		}
		if !again || retry == "" {
			return false
		}
		_, char := utf8.DecodeRuneInString(retry)
		retry = retry[char:]
		s, pattern = retry, rest
	}
	return true
}

// likeOne matches one character: size is what it takes of s and used what of the pattern; no match uses nothing.
func likeOne(s, pattern, escape string) (size, used int) {
	if s == "" || pattern == "" {
		return 0, 0
	}
	literal := func(at int) (int, int) {
		if s[0] != pattern[at] {
			return 0, 0
		}
		return 1, at + 1
	}
	end := strings.IndexByte(pattern, ']')
	switch {
	case escape != "" && strings.HasPrefix(pattern, escape) && len(pattern) > len(escape):
		return literal(len(escape))
	case pattern[0] == '_':
		_, size := utf8.DecodeRuneInString(s)
		return size, 1
	case pattern[0] == '[' && end > 1:
		if !inSet(s[0], pattern[1:end]) {
			return 0, 0
		}
		return 1, end + 1
	}
	return literal(0)
}

func inSet(c byte, set string) bool {
	not := set[0] == '^'
	if not {
		set = set[1:]
	}
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			if c >= set[i] && c <= set[i+2] {
				return !not
			}
			i += 2
		} else if set[i] == c {
			return !not
		}
	}
	return not
}
