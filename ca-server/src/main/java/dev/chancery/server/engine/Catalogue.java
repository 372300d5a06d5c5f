package dev.chancery.server.engine;

import dev.chancery.core.BlockedKeys;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.server.profiles.BuiltInProfiles;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The issuers and profiles that can be asked for; the built-in profiles are always among them. */
public final class Catalogue {
  private final Map<IssuerId, Issuer> issuers;
  private final Map<ProfileId, Profile> profiles;
  private final BlockedKeys blockedKeys;
  private final BlockedKeys compromisedKeys;

  /**
   * @throws IllegalArgumentException when two issuers have one name, or a profile has the name of a
   *     built-in one
   */
  public Catalogue(Collection<Issuer> issuers, Collection<Profile> profiles) {
    this(issuers, profiles, key -> Optional.empty(), key -> Optional.empty());
  }

  /**
   * As {@link #Catalogue(Collection, Collection)}.
   *
   * @param blockedKeys keys that none of the issuers certifies, since an operator said so
   * @param compromisedKeys likewise, since the ledger says so
   */
  public Catalogue(
      Collection<Issuer> issuers,
      Collection<Profile> profiles,
      BlockedKeys blockedKeys,
      BlockedKeys compromisedKeys) {
    Map<IssuerId, Issuer> byId = new HashMap<>();
    for (Issuer issuer : issuers) {
      if (byId.put(issuer.id(), issuer) != null) {
        throw new IllegalArgumentException("two issuers are called " + issuer.id());
      }
    }
    Map<ProfileId, Profile> known = new HashMap<>(BuiltInProfiles.ALL);
    for (Profile profile : profiles) {
      if (known.put(profile.id(), profile) != null) {
        throw new IllegalArgumentException("two profiles are called " + profile.id());
      }
    }
    this.issuers = Map.copyOf(byId);
    this.profiles = Map.copyOf(known);
    this.blockedKeys = blockedKeys;
    this.compromisedKeys = compromisedKeys;
  }

  /** As {@link dev.chancery.core.CertificateAuthority#requireUsable}. */
  void requireUsable(SubjectPublicKey key) throws Refused {
    requireNotBlocked(key);
    requireNone(compromisedKeys.reason(key));
  }

  /** As {@link dev.chancery.core.CertificateAuthority#requireNotBlocked}. */
  void requireNotBlocked(SubjectPublicKey key) throws Refused {
    requireNone(blockedKeys.reason(key));
  }

  private static void requireNone(Optional<String> reason) throws Refused {
    if (reason.isPresent()) {
      throw new Refused(Reason.BAD_PUBLIC_KEY, reason.get());
    }
  }

  Issuer issuer(IssuerId id) throws Refused {
    Issuer issuer = issuers.get(id);
    if (issuer == null) {
      throw new Refused(Reason.NOT_FOUND, "there is no issuer " + id);
    }
    return issuer;
  }

  Profile profile(ProfileId id) throws Refused {
    Profile profile = profiles.get(id);
    if (profile == null) {
      throw new Refused(Reason.NOT_FOUND, "there is no profile " + id);
    }
    return profile;
  }
}
