package dev.chancery.server.engine;

import dev.chancery.core.CrlScope;
import dev.chancery.core.Name;
import dev.chancery.core.Profile;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;

/** What was decided: everything that a certificate will say, before it is bytes. */
record Grant(
    Issuer issuer,
    Profile profile,
    SerialNumber serial,
    Period period,
    X500Name subject,
    Set<Name> names,
    SubjectPublicKey publicKey) {
  Grant {
    names = Collections.unmodifiableSet(new LinkedHashSet<>(names));
  }

  /** The shard of the issuer's CRLs that the certificate names, if it names any. */
  int crlShard() {
    return profile.statusSources().crl() ? issuer.urls().crlShard(serial) : CrlScope.UNSHARDED;
  }
}
