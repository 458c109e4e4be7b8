// The simulation is package integration/simulate; this command has its flags.
package main
