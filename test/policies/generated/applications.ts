/** A kind of application: what its tables and columns are called, and how its team writes functions. */
export interface Application {
  name: string
  /** What people belong to: `channels`. */
  groups: string
  /** The table of who belongs to it. */
  members: string
  /** What belongs to it: `messages`. */
  items: string
  /** The column that says to which one: `channel_id`. */
  key: string
  /** Roles, the most powerful first. */
  roles: [string, string, string]
  /** What stands in CREATE FUNCTION besides the language. Nobody wrote how volatile a function is. */
  options: string
  /** Columns are written without the alias of their table. */
  isBrief?: boolean
}

const qualified = "SECURITY DEFINER SET search_path = ''"
const inPublic = 'SECURITY DEFINER SET search_path = public'

/** Eight kinds of application. */
export const applications: Application[] = [
  {
    name: 'chat',
    groups: 'channels',
    members: 'channel_members',
    items: 'messages',
    key: 'channel_id',
    roles: ['owner', 'moderator', 'guest'],
    options: qualified,
  },
  {
    name: 'shop',
    groups: 'stores',
    members: 'store_staff',
    items: 'orders',
    key: 'store_id',
    roles: ['owner', 'manager', 'clerk'],
    options: inPublic,
  },
  {
    name: 'crm',
    isBrief: true,
    groups: 'accounts',
    members: 'account_users',
    items: 'deals',
    key: 'account_id',
    roles: ['admin', 'seller', 'viewer'],
    options: 'SECURITY DEFINER',
  },
  {
    name: 'courses',
    groups: 'classes',
    members: 'enrollments',
    items: 'lessons',
    key: 'class_id',
    roles: ['teacher', 'tutor', 'pupil'],
    options: '',
  },
  {
    name: 'tickets',
    groups: 'desks',
    members: 'desk_agents',
    items: 'tickets',
    key: 'desk_id',
    roles: ['lead', 'agent', 'observer'],
    options: qualified,
  },
  {
    name: 'documents',
    isBrief: true,
    groups: 'folders',
    members: 'folder_shares',
    items: 'documents',
    key: 'folder_id',
    roles: ['owner', 'editor', 'reader'],
    options: inPublic,
  },
  {
    name: 'projects',
    isBrief: true,
    groups: 'projects',
    members: 'project_members',
    items: 'tasks',
    key: 'project_id',
    roles: ['owner', 'developer', 'observer'],
    options: '',
  },
  {
    name: 'clinic',
    groups: 'wards',
    members: 'ward_staff',
    items: 'records',
    key: 'ward_id',
    roles: ['chief', 'doctor', 'nurse'],
    options: 'SECURITY DEFINER',
  },
]
