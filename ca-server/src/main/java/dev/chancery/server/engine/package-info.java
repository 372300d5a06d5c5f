/** Decides, records, signs and revokes: the certificate authority itself. */
@NullMarked
package dev.chancery.server.engine;

import org.jspecify.annotations.NullMarked;
