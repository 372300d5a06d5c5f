package dev.chancery.server;

import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.store.IssuerKeyDiffers;
import dev.chancery.store.IssuerRegistry;
import java.util.Optional;
import java.util.regex.Pattern;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * The names that the ledgers and URLs have for roots: the first is {@code root}, those after it
 * {@code root-2}, {@code root-3} and so on, in the order in which they become known.
 */
final class RootNames {
  private static final int MOST = 100;
  private static final Pattern FORM =
      Pattern.compile(Initialization.ROOT.value() + "(-[0-9]{1,3})?");

  private final IssuerRegistry registry;

  RootNames(IssuerRegistry registry) {
    this.registry = registry;
  }

  /** Whether no other issuer may have this name. */
  static boolean isRoot(IssuerId name) {
    return FORM.matcher(name.value()).matches();
  }

  /** The name of a root that is known. */
  Optional<IssuerId> find(X509CertificateHolder root) {
    try {
      return registry.find(SubjectPublicKey.of(root.getSubjectPublicKeyInfo()));
    } catch (Refused e) {
      // A key of a kind that this server does not sign with; others may have such roots.
      return Optional.empty();
    }
  }

  /** The name of a root, which the ledgers know from then on. */
  IssuerId register(X509CertificateHolder root) throws Refused {
    SubjectPublicKey key = SubjectPublicKey.of(root.getSubjectPublicKeyInfo());
    Optional<IssuerId> known = registry.find(key);
    if (known.isPresent()) {
      return known.get();
    }
    for (int number = 1; number <= MOST; number++) {
      IssuerId free =
          number == 1
              ? Initialization.ROOT
              : new IssuerId(Initialization.ROOT.value() + "-" + number);
      try {
        registry.register(free, key);
        return free;
      } catch (IssuerKeyDiffers taken) {
        // By an earlier root: the next name.
      }
    }
    throw new IllegalStateException("there are more than " + MOST + " roots");
  }
}
