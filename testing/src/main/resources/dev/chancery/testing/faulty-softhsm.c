/*
 * A PKCS #11 module for tests: SoftHSM2 with faults that a test switches on and off while it runs.
 *
 * Every call goes through call() below, which counts it, lets it wait, hang, fail or spoil its
 * result as the control file says, and otherwise hands it to SoftHSM2. The file is mapped by every
 * instance in every process and by FaultyModule.java, which knows the layout of struct control.
 *
 * FaultyModule compiles this with
 *   CONTROL_FILE  the control file: part of the module, not of the environment, so that several
 *                 tokens in one process each have their own faults
 *   SOFTHSM       the real module
 *
 * A process can load several byte copies of the compiled module. Each takes a SoftHSM2 of its own,
 * so that a new copy shares nothing with one that is broken; they are told apart by a number.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FUNCTION_COUNT 68 /* of CK_FUNCTION_LIST in PKCS #11 v2.40 */
#define LONGEST_ID 64
#define LONGEST_SIGNED 512

/* CK_ULONG, and every other argument of a PKCS #11 function: they are all integers or pointers. */
typedef unsigned long word;

enum { OK = 0, GENERAL_ERROR = 0x5, SESSION_COUNT = 0xB1, BUFFER_TOO_SMALL = 0x150 };
enum { CKA_CLASS = 0, CKA_ID = 0x102 };
enum { CKO_PRIVATE_KEY = 3 };

/* Where the functions that are more than counted and forwarded stand in CK_FUNCTION_LIST. */
enum {
  FINALIZE = 1,
  GET_FUNCTION_LIST = 3,
  GET_TOKEN_INFO = 6,
  OPEN_SESSION = 12,
  CLOSE_SESSION = 13,
  CLOSE_ALL_SESSIONS = 14,
  GET_ATTRIBUTE_VALUE = 24,
  FIND_OBJECTS = 27,
  SIGN = 43,
  SIGN_UPDATE = 44,
  SIGN_FINAL = 45
};

/* What a call does: as it should, answer an error instead or afterwards, spoil its signature. */
enum fault { NO_FAULT, REFUSE, FAIL_AFTERWARDS, CORRUPT };

struct function {
  int64_t calls;     /* so far */
  int64_t running;   /* calls that are inside now */
  int64_t succeeded; /* calls that SoftHSM2 answered with CKR_OK */
  int64_t fault;     /* enum fault */
  int64_t code;      /* the error of REFUSE and FAIL_AFTERWARDS */
  int64_t remaining; /* calls that the fault has still to hit; negative: all */
  int64_t delay;     /* of each call, in milliseconds */
  int64_t hang;      /* instances up to this number let the call wait */
  int64_t spared;    /* calls that the fault does not hit yet */
};

struct control {
  int64_t instances;     /* loaded so far */
  int64_t dead_until;    /* instances up to this number do nothing any more */
  int64_t dead_code;     /* what they answer */
  int64_t sessions;      /* opened and not closed, in all instances */
  int64_t session_limit; /* of each instance; 0: none */
  int64_t token_flags;   /* added to those of C_GetTokenInfo */
  int64_t hidden;        /* private keys that C_FindObjects does not find: 0 none, 1 all, 2 by id */
  int64_t id_length;
  unsigned char id[LONGEST_ID];
  struct function functions[FUNCTION_COUNT];
};

/*
 * A call with more arguments than the function takes, and a function that looks at more of them
 * than it got, are harmless in the calling conventions of 64-bit Unix. So one type fits all.
 */
typedef word (*any_function)(word, word, word, word, word, word, word, word);

struct function_list {
  unsigned char version[2];
  any_function functions[FUNCTION_COUNT];
};

static struct control *control;
static struct function_list *softhsm; /* missing when this instance could not be set up */
static int64_t number;                /* of this instance, from 1 */
static int64_t sessions;              /* of this instance */

static int64_t get(int64_t *value) {
  return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

static int64_t add(int64_t *value, int64_t amount) {
  return __atomic_add_fetch(value, amount, __ATOMIC_SEQ_CST);
}

static word forward(int which, const word *a) {
  return softhsm->functions[which](a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
}

static void sleep_milliseconds(int64_t duration) {
  struct timespec time = {duration / 1000, duration % 1000 * 1000000};
  nanosleep(&time, NULL);
}

/* What a number was, which is one less now unless there was nothing to take. */
static int64_t take(int64_t *number) {
  int64_t before = get(number);
  while (before > 0
      && !__atomic_compare_exchange_n(number, &before, before - 1, 0, __ATOMIC_SEQ_CST,
          __ATOMIC_SEQ_CST)) {
  }
  return before;
}

/* The fault that hits this call, and one fewer of those to come. */
static enum fault due(struct function *function) {
  if (take(&function->spared) > 0 || take(&function->remaining) == 0) {
    return NO_FAULT;
  }
  return get(&function->fault);
}

/*
 * An error ends the operation (section 5.2), so that the session can be used for another one. Only
 * a signature ends it in SoftHSM2: it is made, and nobody gets it.
 */
static void end_signing(int which, const word *a) {
  unsigned char signature[8192];
  word length = sizeof signature;
  if (which == SIGN) {
    forward(SIGN, (word[8]){a[0], a[1], a[2], (word)signature, (word)&length});
  } else {
    forward(SIGN_FINAL, (word[8]){a[0], (word)signature, (word)&length});
  }
}

static word open_session(const word *a) {
  int64_t limit = get(&control->session_limit);
  if (add(&sessions, 1) > limit && limit > 0) {
    add(&sessions, -1);
    return SESSION_COUNT;
  }
  word code = forward(OPEN_SESSION, a);
  add(code == OK ? &control->sessions : &sessions, code == OK ? 1 : -1);
  return code;
}

static word close_session(const word *a) {
  word code = forward(CLOSE_SESSION, a);
  if (code == OK) {
    add(&sessions, -1);
    add(&control->sessions, -1);
  }
  return code;
}

/* All of a slot's sessions; a test that counts them uses no more than one slot of an instance. */
static word close_all(int which, const word *a) {
  word code = forward(which, a);
  if (code == OK) {
    add(&control->sessions, -__atomic_exchange_n(&sessions, 0, __ATOMIC_SEQ_CST));
  }
  return code;
}

struct token_info {
  char texts[96];
  word flags, session_limit, sessions, writing_session_limit;
};

static word token_info(const word *a) {
  struct token_info *info = (struct token_info *)a[1];
  word code = forward(GET_TOKEN_INFO, a);
  if (code == OK) {
    info->flags |= get(&control->token_flags);
    info->sessions = get(&sessions);
    if (get(&control->session_limit) > 0) {
      info->session_limit = info->writing_session_limit = get(&control->session_limit);
    }
  }
  return code;
}

struct attribute {
  word type;
  void *value;
  word length;
};

static int is_hidden(word session, word object) {
  int64_t hidden = get(&control->hidden);
  word class = 0;
  unsigned char id[LONGEST_ID];
  struct attribute attributes[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, id, sizeof id}};
  if (hidden == 0
      || forward(GET_ATTRIBUTE_VALUE, (word[8]){session, object, (word)attributes, 2}) != OK
      || class != CKO_PRIVATE_KEY) {
    return 0;
  }
  return hidden == 1
      || (attributes[1].length == (word)get(&control->id_length)
          && memcmp(id, control->id, attributes[1].length) == 0);
}

static word find_objects(const word *a) {
  word *objects = (word *)a[1], *count = (word *)a[3], found;
  do {
    word code = forward(FIND_OBJECTS, a);
    if (code != OK) {
      return code;
    }
    found = *count;
    *count = 0;
    for (word i = 0; i < found; i++) {
      if (!is_hidden(a[0], objects[i])) {
        objects[(*count)++] = objects[i];
      }
    }
    /* None at all would mean that there are no more. */
  } while (*count == 0 && found > 0);
  return OK;
}

static struct function_list faulty;

static word get_function_list(const word *a) {
  *(struct function_list **)a[0] = &faulty;
  return OK;
}

static word perform(int which, const word *a) {
  switch (which) {
    case FINALIZE:
    case CLOSE_ALL_SESSIONS:
      return close_all(which, a);
    case GET_FUNCTION_LIST:
      return get_function_list(a);
    case GET_TOKEN_INFO:
      return token_info(a);
    case OPEN_SESSION:
      return open_session(a);
    case CLOSE_SESSION:
      return close_session(a);
    case FIND_OBJECTS:
      return find_objects(a);
    default:
      return forward(which, a);
  }
}

/* What a signature is over, as a line of the file of those; only where there is such a file. */
static void keep_signed(const unsigned char *data, word length) {
  char line[2 * LONGEST_SIGNED + 1];
  int file = open(CONTROL_FILE ".signed", O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) {
    return;
  }
  if (length > LONGEST_SIGNED) {
    length = LONGEST_SIGNED;
  }
  for (word i = 0; i < length; i++) {
    line[2 * i] = "0123456789abcdef"[data[i] >> 4];
    line[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
  }
  line[2 * length] = '\n';
  if (write(file, line, 2 * length + 1) < 0) {
    perror("faulty-softhsm: " CONTROL_FILE ".signed");
  }
  close(file);
}

static word answer(int which, struct function *function, const word *a) {
  sleep_milliseconds(get(&function->delay));
  while (number <= get(&function->hang)) {
    sleep_milliseconds(1);
  }
  if (number <= get(&control->dead_until)) {
    return get(&control->dead_code);
  }
  /* The signature and its length; no signature means that only the length is asked for. */
  int output = which == SIGN ? 3 : which == SIGN_FINAL ? 1 : -1;
  enum fault fault = output >= 0 && a[output] == 0 ? NO_FAULT : due(function);
  if (fault == REFUSE) {
    if (which >= SIGN && which <= SIGN_FINAL && get(&function->code) != BUFFER_TOO_SMALL) {
      end_signing(which, a);
    }
    return get(&function->code);
  }
  word code = perform(which, a);
  if (code == OK) {
    add(&function->succeeded, 1);
    if (which == SIGN && a[output] != 0) {
      keep_signed((const unsigned char *)a[1], a[2]);
    }
    if (fault == FAIL_AFTERWARDS) {
      return get(&function->code);
    }
    if (fault == CORRUPT && output >= 0) {
      ((unsigned char *)a[output])[*(word *)a[output + 1] - 1] ^= 1;
    }
  }
  return code;
}

static word call(int which, const word *a) {
  struct function *function = &control->functions[which];
  add(&function->calls, 1);
  add(&function->running, 1);
  word code = answer(which, function, a);
  add(&function->running, -1);
  return code;
}

#define EACH_OF_TEN(F, tens) \
  F(tens##0) F(tens##1) F(tens##2) F(tens##3) F(tens##4) \
  F(tens##5) F(tens##6) F(tens##7) F(tens##8) F(tens##9)
#define EACH_FUNCTION(F) \
  EACH_OF_TEN(F, ) EACH_OF_TEN(F, 1) EACH_OF_TEN(F, 2) EACH_OF_TEN(F, 3) EACH_OF_TEN(F, 4) \
  EACH_OF_TEN(F, 5) F(60) F(61) F(62) F(63) F(64) F(65) F(66) F(67)

#define DEFINE(which) \
  static word function_##which(word a, word b, word c, word d, word e, word f, word g, word h) { \
    return call(which, (word[8]){a, b, c, d, e, f, g, h}); \
  }
EACH_FUNCTION(DEFINE)

#define LIST(which) function_##which,
static struct function_list faulty = {{2, 40}, {EACH_FUNCTION(LIST)}};

__attribute__((visibility("default"))) word C_GetFunctionList(struct function_list **list) {
  return softhsm == NULL ? GENERAL_ERROR : call(GET_FUNCTION_LIST, (word[8]){(word)list});
}

/* A copy, loaded and then deleted: the same file loaded twice would be the same instance. */
static void *private_softhsm(void) {
  char path[] = CONTROL_FILE ".XXXXXX";
  int original = open(SOFTHSM, O_RDONLY | O_CLOEXEC);
  int copy = mkostemp(path, O_CLOEXEC);
  struct stat status;
  void *library = NULL;
  if (original >= 0 && copy >= 0 && fstat(original, &status) == 0
      && sendfile(copy, original, NULL, status.st_size) == status.st_size) {
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  }
  close(original);
  close(copy);
  unlink(path);
  return library;
}

__attribute__((constructor)) static void load(void) {
  int file = open(CONTROL_FILE, O_RDWR | O_CLOEXEC);
  void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  void *library = map == MAP_FAILED ? NULL : private_softhsm();
  word (*list)(struct function_list **) = library ? dlsym(library, "C_GetFunctionList") : NULL;
  if (list == NULL) {
    fprintf(stderr, "faulty-softhsm: cannot use " CONTROL_FILE " and " SOFTHSM "\n");
    return;
  }
  control = map;
  number = add(&control->instances, 1);
  if (list(&softhsm) != OK) {
    softhsm = NULL;
  }
}
