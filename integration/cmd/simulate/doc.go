// Simulate runs the real cache, tracker and announcer in a simulated deployment
// with virtual time: two regions whose replicas lag, feeds, bridges, buses and
// nodes, and everything that may go wrong. It checks what readers are served.
// Package integration/simulate does the work; this command has its flags.
//
//	simulate -writes 1000000 -seed 7
//	simulate -writes 100000 -disable "R7|R10" -svg violation.svg
//
// The exit status is 0 if all promises held, 1 if one broke, and 2 if the run
// could not be done. An interrupt ends the run; what was found until then counts.
package main
