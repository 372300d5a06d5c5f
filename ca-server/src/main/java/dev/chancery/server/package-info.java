/** The engine, the configuration, the command line, and main that wires it all. */
@NullMarked
package dev.chancery.server;

import org.jspecify.annotations.NullMarked;
