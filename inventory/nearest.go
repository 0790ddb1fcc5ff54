package inventory

import "iter"

// nearest is the word that was most likely meant, the first of equals; empty:
// none is near. Swapped neighbours count as one mistake; a third of the letters
// may be wrong, and at most two.
func nearest(word string, known iter.Seq[string]) string {
	best, least := "", min(2, len(word)/3)+1
	for candidate := range known {
		if d := distance(word, candidate, least); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance is how many letters were left out, put in, changed or swapped with
// their neighbour between two words; limit where it is that or more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
			least = min(least, row[j+1])
		}
		if least >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}

// didYouMean ends an error with the word that was most likely meant, if there
// is one.
func didYouMean(word string, known iter.Seq[string]) string {
	if meant := nearest(word, known); meant != "" {
		return "; did you mean " + meant + "?"
	}
	return ""
}
