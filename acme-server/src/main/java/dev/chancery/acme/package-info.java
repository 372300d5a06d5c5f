/** RFC 8555 spoken over HTTP, and control of names proven. */
@NullMarked
package dev.chancery.acme;

import org.jspecify.annotations.NullMarked;
