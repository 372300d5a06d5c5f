package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.AccountId;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RequestId;
import dev.chancery.core.SerialNumber;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** An order (RFC 8555 sections 7.1.3 and 7.1.6); each state holds what it knows. */
sealed interface Order {
  /**
   * What every order has.
   *
   * @param profile empty in orders from before they had one: then the endpoint's default
   * @param replaces the identifier of the certificate that it replaces, as the client wrote it
   */
  record Details(
      OrderId id,
      AccountId account,
      Instant expires,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter,
      Optional<ProfileId> profile,
      Optional<String> replaces,
      List<Item> items) {
    public Details {
      items = List.copyOf(items);
    }

    /** What the certificate will look like (draft-ietf-acme-profiles). */
    ProfileId profileAt(AcmeEndpoint endpoint) {
      return profile.orElse(endpoint.profile());
    }

    Set<Name> names() {
      Set<Name> names = new LinkedHashSet<>();
      items.forEach(item -> names.add(item.name()));
      return names;
    }

    /** Every certificate that is recorded for the order is recorded under its id. */
    RequestId request() {
      return new RequestId(id.value());
    }
  }

  /**
   * What a client orders.
   *
   * @param preauthorized those of the names that need no proof
   * @param replaces the certificate that it is to replace (RFC 9773 section 5)
   */
  record Wanted(
      Set<Name> names,
      Set<Name> preauthorized,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter,
      ProfileId profile,
      Optional<Replacements.Predecessor> replaces) {}

  /** A name and the authorization that the order needs for it. */
  record Item(Name name, AuthorizationId authorization) {}

  /** Some authorization is not valid yet. */
  record Pending(Details details) implements Order {}

  /** Every authorization is valid. */
  record Ready(Details details) implements Order {}

  /**
   * Asked of the certificate authority.
   *
   * @param since when; also the fencing token of the one who asked, who may give the order up only
   *     while it still stands there
   */
  record Processing(Details details, Der csr, Instant since) implements Order {}

  /**
   * Has its certificate.
   *
   * @param csr what the certificate was asked for with
   */
  record Valid(Details details, CsrDigest csr, IssuerId issuer, SerialNumber serial)
      implements Order {}

  /**
   * Nothing more comes of it.
   *
   * @param csr what its certificate was asked for with, if it came so far
   * @param problem why; nothing when it expired
   */
  record Invalid(Details details, Optional<CsrDigest> csr, Optional<ObjectNode> problem)
      implements Order {}

  Details details();
}
