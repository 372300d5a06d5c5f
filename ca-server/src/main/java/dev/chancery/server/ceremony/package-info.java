/** The offline root: planned, rehearsed, witnessed and verified (docs/ceremony.md). */
@NullMarked
package dev.chancery.server.ceremony;

import org.jspecify.annotations.NullMarked;
