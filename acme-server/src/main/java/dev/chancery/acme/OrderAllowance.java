package dev.chancery.acme;

import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;

/**
 * What an account may order beside what the endpoint says: anything when it is not bound, else what
 * the policy of its binding key holds.
 */
record OrderAllowance(Optional<BindingPolicy> policy) {
  static final OrderAllowance UNBOUND = new OrderAllowance(Optional.empty());

  static OrderAllowance of(BindingPolicy policy) {
    return new OrderAllowance(Optional.of(policy));
  }

  /**
   * Refuses a profile that the binding key does not have.
   *
   * @throws AcmeProblem unauthorized
   */
  void requireProfile(ProfileId profile) throws AcmeProblem {
    if (policy.isPresent() && !policy.get().allows(profile)) {
      throw new AcmeProblem(
          AcmeError.UNAUTHORIZED,
          "the account's binding key does not allow certificates of profile " + profile);
    }
  }

  /**
   * Refuses a name that the binding key does not have.
   *
   * @throws AcmeProblem rejectedIdentifier
   */
  void requireName(Name name) throws AcmeProblem {
    if (policy.isPresent() && !policy.get().allows(name)) {
      throw new AcmeProblem(
          AcmeError.REJECTED_IDENTIFIER,
          "the account's binding key does not allow the " + name.kind() + " name " + name.value());
    }
  }

  /** Those of the names that the account need not prove. */
  Set<Name> preauthorized(Set<Name> names) {
    Set<Name> preauthorized = new LinkedHashSet<>(names);
    preauthorized.removeIf(name -> !preauthorizes(name));
    return preauthorized;
  }

  /** Whether the account need not prove a name. */
  boolean preauthorizes(Name name) {
    return policy.isPresent() && policy.get().preauthorizes(name);
  }
}
