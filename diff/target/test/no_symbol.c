/* A shared object that is no target. */
const int something_else = 1;
