/** Real parts for tests: databases, tokens and a clock that a test can turn. */
@NullMarked
package dev.chancery.testing;

import org.jspecify.annotations.NullMarked;
