package dev.chancery.hsm;

import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;

/** A key as it must be found in the token each time that this is opened. */
record WantedKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme) {}
