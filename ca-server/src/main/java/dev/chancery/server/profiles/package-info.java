/** What certificates may look like: the profiles of the operator and those built in. */
@NullMarked
package dev.chancery.server.profiles;

import org.jspecify.annotations.NullMarked;
