/** A PKCS #11 token turned into keys that each sign one kind of thing. */
@NullMarked
package dev.chancery.hsm;

import org.jspecify.annotations.NullMarked;
