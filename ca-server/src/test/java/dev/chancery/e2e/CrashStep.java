package dev.chancery.e2e;

import dev.chancery.testing.DatabaseKind;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * An instant between a ready order and the answer with its certificate, and what the database must
 * know of both when the process dies there (docs/issuance-cycle.md).
 */
enum CrashStep {
  READY(At.ENTRY, Classes.ORDERS, "begin", Row.NONE, "ready"),
  PROCESSING(At.RETURN, Classes.ORDERS, "begin", Row.NONE, "processing"),
  DECIDED(At.ENTRY, Classes.TBS_WRITER, "write", Row.NONE, "processing"),
  BUILT(At.RETURN, Classes.TBS_WRITER, "write", Row.NONE, "processing"),
  LINTED(At.ENTRY, Classes.LEDGER, "commit", Row.NONE, "processing"),
  INSERTED(At.ENTRY, Classes.DATABASE, "commit", Row.NONE, "processing") {
    @Override
    String under() {
      return Classes.LEDGER + ".commit";
    }
  },
  COMMITTED(At.ENTRY, Classes.DATABASE, "syncToDisk", Row.RECORDED, "processing") {
    @Override
    String under() {
      return Classes.LEDGER + ".commit";
    }
  },
  RECORDED(At.RETURN, Classes.LEDGER, "commit", Row.RECORDED, "processing"),
  SIGNING(At.ENTRY, Classes.KEY, "sign", Row.RECORDED, "processing"),
  TOKEN_SIGNED(At.ENTRY, Classes.SIGNING, "verifies", Row.RECORDED, "processing") {
    @Override
    String under() {
      return Classes.KEY + ".sign";
    }
  },
  VERIFIED(At.RETURN, Classes.KEY, "sign", Row.RECORDED, "processing"),
  COMPLETING(At.ENTRY, Classes.LEDGER, "markIssued", Row.RECORDED, "processing"),
  UPDATED(At.ENTRY, Classes.DATABASE, "commit", Row.RECORDED, "processing") {
    @Override
    String under() {
      return Classes.LEDGER + ".markIssued";
    }
  },
  COMPLETED(At.RETURN, Classes.LEDGER, "markIssued", Row.ISSUED, "processing"),
  RELEASED(At.RETURN, Classes.AUTHORITY, "issue", Row.ISSUED, "processing"),
  SETTLING(At.ENTRY, Classes.ORDERS, "complete", Row.ISSUED, "processing"),
  SETTLED(At.RETURN, Classes.ORDERS, "complete", Row.ISSUED, "valid"),
  ANSWERING(At.RETURN, Classes.FINALIZE, "reply", Row.ISSUED, "valid");

  /** Where in the method. */
  enum At {
    ENTRY,
    RETURN
  }

  /** What the ledger holds for the order. */
  enum Row {
    NONE,
    RECORDED,
    ISSUED
  }

  /** The classes by name: most of them cannot be seen from here. */
  static final class Classes {
    static final String FINALIZE = "dev.chancery.acme.FinalizeResource";
    static final String AUTHORITY = "dev.chancery.server.engine.IssuingAuthority";
    private static final String ORDERS = "dev.chancery.acme.Orders";
    private static final String TBS_WRITER = "dev.chancery.server.engine.TbsCertificateWriter";
    private static final String LEDGER = "dev.chancery.store.JooqIssuanceLedger";
    private static final String DATABASE = "dev.chancery.store.Database";
    private static final String KEY = "dev.chancery.hsm.IssuerKey";
    private static final String SIGNING = "dev.chancery.hsm.VerifiedSigning";

    private Classes() {}
  }

  private final At at;
  private final String className;
  private final String method;
  private final Row row;
  private final String order;

  CrashStep(At at, String className, String method, Row row, String order) {
    this.at = at;
    this.className = className;
    this.method = method;
    this.row = row;
    this.order = order;
  }

  At at() {
    return at;
  }

  String className() {
    return className;
  }

  String method() {
    return method;
  }

  /** The method that must stand further up in the stack, as class.method. */
  String under() {
    return Classes.FINALIZE + ".reply";
  }

  /** What the ledger holds for the order at this instant. */
  Row row() {
    return row;
  }

  /** The order's status at this instant. */
  String order() {
    return order;
  }

  /** What the database knows of an order and of its certificate. */
  record Known(Row row, String order) {}

  /**
   * What a database may know after a death at this instant: on PostgreSQL what it knew then. A
   * request waits for the file of H2 before the token signs and before the answer, and in between
   * the file may be behind: what it holds is what was known at some instant since.
   */
  Set<Known> known(DatabaseKind kind) {
    CrashStep since =
        switch (kind) {
          case POSTGRESQL -> this;
          case H2 -> compareTo(RECORDED) < 0 ? READY : RECORDED;
        };
    return EnumSet.range(since, this).stream()
        .map(step -> new Known(step.row, step.order))
        .collect(Collectors.toUnmodifiableSet());
  }
}
